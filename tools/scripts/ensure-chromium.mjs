import { ensureProgram } from './ensure-program.mjs';

/** The path of a Chromium, or of a Chrome; on Debian, as root, Chromium is installed when missing. `CHROMIUM` names one elsewhere. */
export function ensureChromium() {
  return (
    process.env.CHROMIUM ||
    ensureProgram({
      names: ['chromium', 'chromium-browser', 'google-chrome'],
      package: 'chromium',
      advice:
        'The tests need a real browser: put chromium on the PATH, or its path into the variable CHROMIUM.\n' +
        'Debian: sudo apt-get install chromium\n' +
        'macOS: brew install --cask chromium',
    })
  );
}
