/**
 * Makes a checkout runnable: installs what package-lock.json says, compiles src/ to dist/ and bundles the web
 * pages to dist/pages/, each only when something has changed. Plain Node without dependencies, since it runs
 * before there are any.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, wherever it is started from. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const INSTALL_STAMP = join(root, 'node_modules/.licensegraph-install');
const BUILD_STAMP = join(root, 'dist/.stamp');
const PAGES_STAMP = join(root, 'dist/pages/.stamp');
/** The folders of src/ that run in a browser: vite bundles them, the compiler of the server leaves them out. */
const PAGES = ['graphiql'];
const LOCK = join(root, '.prepare.lock');
const LOCK_LIMIT_MS = 15 * 60_000;
const POLL_MS = 100;

class PrepareError extends Error {}

/** Installs and builds what has to be; on a failure says why and exits with 1. */
export function prepare() {
  try {
    requireNode();
    if (isInstalled() && isBuilt() && isBundled()) return;
    withLock(() => {
      // Whoever held the lock before us may have done it.
      if (!isInstalled()) install();
      if (!isBuilt()) build();
      if (!isBundled()) bundle();
    });
  } catch (error) {
    // A system call that failed says enough: a folder that we may not write to, a full disk.
    if (!(error instanceof PrepareError) && error.syscall === undefined) throw error;
    console.error(`\n${error.message}`);
    process.exit(1);
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new PrepareError(`LicenseGraph needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
}

function isInstalled() {
  return read(INSTALL_STAMP) === installHash();
}

/** Packages hold binaries, so a node_modules that came from another system is not ours. */
function installHash() {
  const platform = `${process.platform}-${process.arch}`;
  return hash([platform, read(join(root, 'package-lock.json')), read(join(root, 'package.json'))]);
}

function install() {
  const stamp = installHash();
  if (!isInstalledByHand()) {
    console.error('Installing packages (npm ci) …');
    const status = run(...npm(), 'ci', '--include=dev', '--no-audit', '--no-fund');
    if (status !== 0) {
      throw new PrepareError('npm ci failed, so the packages are not installed: see its messages above.');
    }
  }
  writeStamp(INSTALL_STAMP, stamp);
}

/**
 * Whether somebody ran `npm ci` or `npm install` already: it saves a second download, and lets a checkout be
 * started without a network. npm's list of what it installed is written last, and also by
 * `npm install --package-lock-only`, so the packages themselves are asked.
 */
function isInstalledByHand() {
  const [lock, manifest] = ['package-lock.json', 'package.json'].map((name) => readJson(join(root, name)));
  const finished = existsSync(join(root, 'node_modules/.package-lock.json'));
  if (!lock?.packages || !manifest || !finished) return false;
  const { '': top = {}, ...packages } = lock.packages;
  const declared = ['dependencies', 'devDependencies', 'optionalDependencies'].every(
    (kind) => JSON.stringify(top[kind] ?? {}) === JSON.stringify(manifest[kind] ?? {}),
  );
  return declared && Object.entries(packages).every(([path, wanted]) => isFound(path, wanted));
}

/** Optional packages for other systems are not there, nor are their dependencies. */
function isFound(path, wanted) {
  const found = readJson(join(root, path, 'package.json'));
  if (found) return found.version === wanted.version;
  if (!wanted.optional) return false;
  const forUs = (wanted.os ?? []).includes(process.platform) && (wanted.cpu ?? []).includes(process.arch);
  return !forUs || wanted.libc !== undefined;
}

function isBuilt() {
  return read(BUILD_STAMP) === buildHash();
}

function buildHash() {
  const configs = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) =>
    join(root, name),
  );
  const pages = PAGES.map((name) => join(root, 'src', name, '/'));
  const sources = filesBelow('src').filter((file) => !pages.some((page) => file.startsWith(page)));
  return hashOfFiles([...configs, ...sources]);
}

function build() {
  console.error('Compiling …');
  // Taken before: a file that is saved meanwhile leaves a stamp that no longer fits.
  const stamp = buildHash();
  for (const name of readdirSafely(join(root, 'dist')).filter((name) => name !== 'pages')) {
    rmSync(join(root, 'dist', name), { recursive: true, force: true });
  }
  const status = run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  if (status !== 0) throw new PrepareError('TypeScript does not compile: see its messages above.');
  writeStamp(BUILD_STAMP, stamp);
}

function isBundled() {
  return read(PAGES_STAMP) === pagesHash();
}

function pagesHash() {
  const configs = ['package-lock.json', 'vite.config.ts'].map((name) => join(root, name));
  return hashOfFiles([...configs, ...PAGES.flatMap((name) => filesBelow(join('src', name)))]);
}

/** A page that cannot be bundled, on a machine with little memory say, is no reason to have no server. */
function bundle() {
  console.error('Bundling the web pages …');
  const stamp = pagesHash();
  // A caller's NODE_ENV=development would bundle React's development build. The runner loads the configuration
  // without writing a file beside it. Memory that is given back at once keeps the peak at 0.8 GB instead of 0.9.
  const environment = { NODE_ENV: 'production', MIMALLOC_PURGE_DELAY: '0' };
  const vite = ['node_modules/vite/bin/vite.js', 'build', '--configLoader', 'runner', '--logLevel', 'warn'];
  const status = runWith(environment, process.execPath, ...vite);
  if (status === 0) writeStamp(PAGES_STAMP, stamp);
  else console.error('The web pages could not be bundled; the server goes on without them.');
}

function filesBelow(folder) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function hashOfFiles(files) {
  return hash(files.sort().flatMap((file) => [file.slice(root.length), readFileSync(file)]));
}

/** npm itself tells the script it runs where it is; without it, the one in the PATH. */
function npm() {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('npm-cli.js') ? [process.execPath, cli] : ['npm'];
}

function run(file, ...args) {
  return runWith({}, file, ...args);
}

function runWith(environment, file, ...args) {
  const env = { ...process.env, ...environment };
  const { status, error } = spawnSync(file, args, { cwd: root, stdio: 'inherit', env });
  if (error) throw new PrepareError(`${file} could not be started: ${error.message}`);
  return status;
}

function writeStamp(path, stamp) {
  try {
    writeFileSync(path, stamp);
  } catch (error) {
    // A folder that is read-only but right: it is looked through again next time.
    if (!isReadOnly(error)) throw error;
  }
}

function isReadOnly(error) {
  return error.code === 'EROFS' || error.code === 'EACCES';
}

function hash(parts) {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part ?? '').update('\0');
  return digest.digest('hex');
}

function readJson(path) {
  return JSON.parse(read(path) ?? 'null');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * One process at a time installs or builds here. The lock is a folder that holds one file, whose name is the
 * holder: it appears complete, by rename; and a dead holder's file can be renamed by one successor only.
 */
function withLock(work) {
  const mine = processName(process.pid);
  const deadline = Date.now() + LOCK_LIMIT_MS;
  let told = false;
  while (!takeLock(mine)) {
    const [holder] = readdirSafely(LOCK);
    if (holder && !told) console.error(`Waiting for process ${holder.split('-')[0]} to prepare it …`);
    told = told || holder !== undefined;
    if (Date.now() > deadline) throw new PrepareError(`Gave up waiting. If nothing runs, remove ${LOCK}.`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
  try {
    work();
  } finally {
    releaseLock(mine);
  }
}

/** Renamed first: removed in place it would be empty for a moment, and what another put there be removed. */
function releaseLock(mine) {
  const done = `${LOCK}.${mine}`;
  try {
    renameSync(LOCK, done);
  } catch (error) {
    if (error.code !== 'ENOENT' && !isReadOnly(error)) throw error;
  }
  rmSync(done, { recursive: true, force: true });
}

function takeLock(mine) {
  const made = `${LOCK}.${mine}`;
  try {
    mkdirSync(made, { recursive: true });
    writeFileSync(join(made, mine), '');
  } catch (error) {
    // Where we cannot write nobody else of our kind works either; what has to be written will say so.
    if (isReadOnly(error)) return true;
    throw error;
  }
  try {
    renameSync(made, LOCK);
    return true;
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  }
  const [holder] = readdirSafely(LOCK);
  if (holder === undefined || processName(Number(holder.split('-')[0])) === holder) return false;
  try {
    renameSync(join(LOCK, holder), join(LOCK, mine));
    return true;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return false;
  }
}

function readdirSafely(path) {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/**
 * Its number, and on Linux the tick it started at, so that a later process with that number is not taken for
 * it. Undefined when there is none.
 */
function processName(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== 'EPERM') return undefined;
  }
  if (process.platform !== 'linux') return `${pid}`;
  const stat = read(`/proc/${pid}/stat`) ?? '';
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : `${pid}-${fields[19]}`;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) prepare();
