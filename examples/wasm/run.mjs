// SPDX-License-Identifier: Apache-2.0
// Usage: node run.mjs octet_run.wasm MODEL
import { readFile } from 'node:fs/promises';
import { dirname, resolve, basename } from 'node:path';
import { WASI } from 'node:wasi';

const [module, model] = process.argv.slice(2);
const wasi = new WASI({ version: 'preview1', args: ['octet_run', `/models/${basename(model)}`], preopens: { '/models': dirname(resolve(model)) } });
const { instance } = await WebAssembly.instantiate(await readFile(module), wasi.getImportObject());
process.exitCode = wasi.start(instance);
