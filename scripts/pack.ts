/**
 * Compiles every package and packs it as it will be published, into `build/tarballs`: doors point at compiled output, declarations refer to
 * declarations, nothing of the sources or tests is inside. Prints the paths of the tarballs.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

function run(command: string, args: string[], cwd = '.'): string {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${result.stdout}${result.stderr}`)
  return result.stdout
}

const tarballs = 'build/tarballs'
rmSync('build', { recursive: true, force: true })
mkdirSync(tarballs, { recursive: true })
for (const directory of readdirSync('packages')) rmSync(join('packages', directory, 'dist'), { recursive: true, force: true })
run('tsc', ['-b', 'tsconfig.build.json'])

for (const directory of readdirSync('packages')) {
  const source = join('packages', directory)
  const target = join('build/packages', directory)
  cpSync(join(source, 'dist'), join(target, 'dist'), { recursive: true, filter: path => !path.endsWith('.tsbuildinfo') })
  // Only JavaScript has its imports rewritten by the compiler.
  for (const file of globSync(join(target, 'dist/**/*.d.ts'))) {
    writeFileSync(file, readFileSync(file, 'utf8').replace(/((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g, '$1.js$2'))
  }
  cpSync(join(source, 'README.md'), join(target, 'README.md'))
  cpSync('LICENSE', join(target, 'LICENSE'))
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'))
  if (manifest.bin) cpSync(join(source, 'bin'), join(target, 'bin'), { recursive: true })
  manifest.exports = Object.fromEntries(
    Object.entries(manifest.exports as Record<string, string>).map(([door, path]) => [door, compiled(path)]),
  )
  delete manifest.devDependencies
  delete manifest.scripts
  writeFileSync(join(target, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  run('npm', ['pack', '--silent', '--pack-destination', join('../../..', tarballs)], target)
}
for (const tarball of readdirSync(tarballs)) console.log(join(tarballs, tarball))

function compiled(path: string): { types: string; default: string } {
  const output = path.replace('./src/', './dist/')
  return { types: output.replace(/\.ts$/, '.d.ts'), default: output.replace(/\.ts$/, '.js') }
}
