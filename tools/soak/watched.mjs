// Loaded in front of the demo: says what is not seen from outside.
let unhandled = 0;
process.on('unhandledRejection', (reason) => {
  unhandled += 1;
  console.error('unhandled rejection:', reason);
});
process.on('message', () => {
  globalThis.gc();
  process.send({ unhandled, heap: process.memoryUsage().heapUsed });
});
// Only what the demo itself does keeps it alive.
process.channel?.unref();
