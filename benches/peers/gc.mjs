// Loaded before a server in Node: its memory is read after a collection, so that what is counted is what is kept.
process.on('SIGUSR2', () => globalThis.gc());
