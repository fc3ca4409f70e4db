import { ensureProgram } from './ensure-program.mjs';

/** The path of Chromium or Chrome, or `CHROMIUM` if it is set. Installs Chromium if it is missing, as root on Debian. */
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
