/**
 * Bundles bundled.mjs with everything it imports, but for the native driver and what Nest itself loads when it is there. Prints what a bundler
 * says about this package.
 */
import { build } from 'esbuild';
import webpack from 'webpack';

const OF_NEST = [
  'class-transformer',
  'class-validator',
  '@nestjs/microservices',
  '@nestjs/microservices/microservices-module.js',
  '@nestjs/websockets/socket-module.js',
];
const isOurs = (file) => /node_modules[/\\]nestjs-totp[/\\]/.test(file ?? '');
/** Nest's own imports of its optional packages are left to run time; those of nestjs-totp are not. */
const isLeftOut = (request, importer) =>
  request === 'better-sqlite3' || (OF_NEST.includes(request) && !isOurs(importer));

const [bundler, outfile] = process.argv.slice(2);

if (bundler === 'esbuild') {
  const { warnings } = await build({
    entryPoints: ['bundled.mjs'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
    banner: { js: "import { createRequire as ofNode } from 'node:module'; const require = ofNode(import.meta.url);" },
    plugins: [
      {
        name: 'leave out',
        setup: ({ onResolve }) => {
          onResolve({ filter: /.*/ }, ({ path, importer }) =>
            isLeftOut(path, importer) ? { path, external: true } : null,
          );
        },
      },
    ],
  });
  print(warnings.filter(({ location }) => isOurs(location?.file)).map(({ text }) => text));
} else {
  const [path, filename] = [outfile.replace(/[/\\][^/\\]*$/, ''), outfile.replace(/.*[/\\]/, '')];
  const leaveOut = ({ request, contextInfo }, done) =>
    isLeftOut(request, contextInfo.issuer) ? done(null, `commonjs ${request}`) : done();
  const stats = await new Promise((resolve, reject) => {
    webpack(
      {
        mode: 'production',
        target: 'node20',
        entry: './bundled.mjs',
        output: { path, filename },
        externals: [leaveOut],
        optimization: { minimize: false },
      },
      (error, result) => (error ? reject(error) : resolve(result)),
    );
  });
  const { errors, warnings } = stats.toJson({ errors: true, warnings: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  print(warnings.filter(({ moduleName }) => isOurs(moduleName)).map(({ message }) => message.split('\n')[0]));
}

function print(messages) {
  console.log(JSON.stringify(messages));
}
