import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const readme = readFileSync('README.md', 'utf8')

describe('the README', () => {
  it('shows the pipeline that is in examples and that the system tests run', () => {
    const shown = /```ts\n([\s\S]*?)```/.exec(readme)![1]!
    expect(shown).toBe(readFileSync('examples/src/delays.ts', 'utf8'))
    expect(shown.trim().split('\n').length).toBeLessThanOrEqual(25)
  })

  it('fits two screens and links to what is there', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(100)
    for (const [, target] of readme.matchAll(/\]\(([^)#]+)\)/g)) expect(existsSync(target!), target).toBe(true)
  })

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const [, name] of readme.matchAll(/npm (?:run )?(start|test|[a-z]+)(?= --|`|\n)/g))
      if (name !== 'install') expect(scripts, name).toHaveProperty(name!)
  })
})
