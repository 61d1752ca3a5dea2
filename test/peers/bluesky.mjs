// SPDX-License-Identifier: Apache-2.0
//
// Runs a Personal Data Server of the AT Protocol, the reference one, together with a PLC directory for its identities. The environment
// is the one of the PDS. Writes one line of JSON when it is ready; ends when its standard input does.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

process.env.LOG_ENABLED ??= 'false';
const { PDS, readEnv, envToCfg, envToSecrets } = await import('@atproto/pds');
const { default: plc } = await import('@did-plc/server');

const freePort = () => new Promise((resolve, reject) => {
  const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

const hex = (n) => randomBytes(n).toString('hex');
const folder = mkdtempSync(join(tmpdir(), 'roster-pds-'));
const directoryPort = await freePort();
const directory = plc.PlcServer.create({ db: plc.Database.mock(), port: directoryPort });
await directory.start();

const port = await freePort();
const jwtSecret = hex(16);
Object.assign(process.env, {
  PDS_PORT: String(port),
  PDS_HOSTNAME: 'localhost',
  PDS_DEV_MODE: 'true',
  PDS_DATA_DIRECTORY: folder,
  PDS_BLOBSTORE_DISK_LOCATION: join(folder, 'blobs'),
  PDS_DID_PLC_URL: `http://127.0.0.1:${directoryPort}`,
  PDS_INVITE_REQUIRED: 'false',
  PDS_JWT_SECRET: jwtSecret,
  PDS_ADMIN_PASSWORD: hex(16),
  PDS_PLC_ROTATION_KEY_K256_PRIVATE_KEY_HEX: hex(32),
  PDS_DISABLE_SSRF_PROTECTION: 'true',
});
const env = readEnv();
const pds = await PDS.create(envToCfg(env), envToSecrets(env));
await pds.start();
process.stdout.write(JSON.stringify({ url: `http://127.0.0.1:${port}`, jwtSecret, adminPassword: process.env.PDS_ADMIN_PASSWORD }) + '\n');

process.stdin.on('end', () => {
  rmSync(folder, { recursive: true, force: true });
  // Not process.exit: the finalizers of better-sqlite3 may run after the environment that they need is gone.
  process.kill(process.pid, 'SIGKILL');
}).resume();
