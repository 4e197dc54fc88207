// Runs a WASI module, with no folder, no variable and no argument of this machine's, and a clock that can be read once: the engine
// reads none by itself.
import { readFile } from 'node:fs/promises';
import { WASI } from 'node:wasi';

const wasi = new WASI({ version: 'preview1' });
const { wasi_snapshot_preview1: imports } = wasi.getImportObject();
let reads = 0;
const clock_time_get = (...asked) => {
  reads += 1;
  if (reads > 1) throw new Error('a clock was read that was not given');
  return imports.clock_time_get(...asked);
};
const module = await WebAssembly.compile(await readFile(process.argv[2]));
const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: { ...imports, clock_time_get } });
process.exitCode = wasi.start(instance);
if (reads !== 1) throw new Error(`the clock was read ${reads} times`);
