/**
 * Writes the reference pages that come from declarations: `docs/config.md` and `docs/apis.md`. With `--check`, fails if a page on disk is not
 * what the declarations say.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { apisPage } from './docs/apis.ts'
import { configPage } from './docs/config.ts'

const pages: Record<string, string> = { 'docs/config.md': configPage(), 'docs/apis.md': apisPage() }
const check = process.argv.includes('--check')
let stale = 0
for (const [path, text] of Object.entries(pages)) {
  if (!check) writeFileSync(path, text)
  else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
    console.error(`${path} is not what the declarations say: run npm run docs`)
    stale++
  }
}
process.exit(stale === 0 ? 0 : 1)
