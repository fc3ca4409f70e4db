import { join } from 'node:path';
import { driveSite } from '../../tools/examples/site-example.mjs';

export const drive = ({ folder, browser }) => driveSite({ folder: join(folder, 'dist'), browser }, 'cookie');
