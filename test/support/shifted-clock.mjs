// For `--import`: a process whose clock is off by so many milliseconds, as on a machine without NTP, and goes forward with each SIGCONT.
const { now } = Date;
let offset = Number(process.env.CLOCK_OFFSET);
Date.now = () => now() + offset;
// Not SIGUSR2, which ends a NestJS application that has shutdown hooks.
process.on('SIGCONT', () => (offset += Number(process.env.CLOCK_STEP)));
