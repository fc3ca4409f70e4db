/** A wrong option. Thrown while the application boots; the message names the option, what is wrong and what to write. */
export class RefreshAuthOptionsError extends TypeError {
  override readonly name = 'RefreshAuthOptionsError';

  /**
   * @param option path of the option, such as `keys[1].algorithm`
   * @param problem what is wrong with it, as the rest of a sentence
   * @param remedy what to write instead, as a sentence
   */
  constructor(
    readonly option: string,
    problem: string,
    remedy: string,
  ) {
    super(`RefreshAuthModule: option \`${option}\` ${problem}. ${remedy}`);
  }
}
