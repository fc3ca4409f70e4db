/** A wrong option. The message names the call that it was given to, the option, what is wrong and what to write. */
export class RefreshAuthOptionsError extends TypeError {
  override readonly name = 'RefreshAuthOptionsError';

  /**
   * @param option path of the option, such as `keys[1].algorithm`; empty for the argument that holds all options
   * @param problem what is wrong with it, as the rest of a sentence
   * @param remedy what to write instead, as a sentence
   * @param call where the option was given: the module, which it keeps from booting, or a method of the service
   */
  constructor(
    readonly option: string,
    problem: string,
    remedy: string,
    call = 'RefreshAuthModule',
  ) {
    super(`${call}: ${option === '' ? 'the argument' : `option \`${option}\``} ${problem}. ${remedy}`);
  }
}
