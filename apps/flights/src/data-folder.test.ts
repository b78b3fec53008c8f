import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DataFolder } from './data-folder.ts'

let root: string
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-flights-'))
})
afterEach(() => fs.rmSync(root, { recursive: true, force: true }))

function withNode(clusterId: string): void {
  fs.mkdirSync(path.join(root, 'data/node'), { recursive: true })
  fs.writeFileSync(path.join(root, 'data/node/meta.properties'), `version=1\ncluster.id=${clusterId}\nnode.id=1\n`)
}

describe('the data folder of the job', () => {
  it('is made with all that lies above it, and opens again', () => {
    const folder = new DataFolder(path.join(root, 'a/b/c'))
    folder.open()
    folder.open()
    expect(fs.statSync(folder.path).isDirectory()).toBe(true)
  })

  it.each([['file'], ['file/below'], ['file/far/below']])('can’t be %s', name => {
    fs.writeFileSync(path.join(root, 'file'), '')
    expect(() => new DataFolder(path.join(root, name)).open()).toThrow(
      /can't be written \(ENOTDIR\): choose another with --data DIR/,
    )
  })

  it('goes on with the state of its own cluster', () => {
    withNode('one')
    const folder = new DataFolder(path.join(root, 'data'))
    folder.open()
    folder.bind('one')
    folder.open()
    folder.bind('one')
  })

  it('refuses the state of another cluster, and one whose broker is gone', () => {
    withNode('one')
    const folder = new DataFolder(path.join(root, 'data'))
    folder.bind('one')
    withNode('two')
    expect(() => folder.open()).toThrow(/node belongs to the cluster two and .*state to the cluster one: delete/)
    fs.rmSync(folder.node, { recursive: true })
    expect(() => folder.open()).toThrow(/state belongs to the cluster one, whose broker is not in .*node: delete/)
  })

  it('is no folder that another node keeps its data in', () => {
    fs.writeFileSync(path.join(root, 'meta.properties'), 'version=1\n')
    expect(() => new DataFolder(root).open()).toThrow('the data folder of another Kafka node')
  })
})
