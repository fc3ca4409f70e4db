import { driveSite } from '../../tools/examples/site-example.mjs';

export const drive = (example) => driveSite(example, 'cookie');
