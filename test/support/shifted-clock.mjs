// For `--import`: a process whose clock is off by so many milliseconds, as on a machine without NTP.
const { now } = Date;
const offset = Number(process.env.CLOCK_OFFSET);
Date.now = () => now() + offset;
