// SPDX-License-Identifier: Apache-2.0
// Runs one SQL statement in DuckDB, in memory: `node duckdb.mjs MODULES THREADS SQL`. MODULES is the
// node_modules folder that holds @duckdb/node-api. With VERSION as SQL it prints the version.

import { createRequire } from 'node:module';
import { resolve } from 'node:path';

const [modules, threads, sql] = process.argv.slice(2);
const { DuckDBInstance } = createRequire(resolve(modules, 'x.js'))('@duckdb/node-api');

const instance = await DuckDBInstance.create(':memory:', { threads });
const connection = await instance.connect();
if (sql === 'VERSION') {
  const reader = await connection.runAndReadAll('SELECT version()');
  console.log(reader.getRows()[0][0]);
} else {
  await connection.run('SET preserve_insertion_order = false');
  await connection.run(`SET temp_directory = '${process.env.TMPDIR ?? '/tmp'}'`);
  await connection.run(sql);
}
connection.closeSync();
