import { SimulatedUniverse } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { type ElectionState, initialElectionState, readElectionState, writeElectionState } from './quorum-state.ts'

const directory = '/data/__cluster_metadata-0'
const before: ElectionState = { ...initialElectionState, epoch: 4, leaderId: 1, votedId: 1 }
const after: ElectionState = { ...initialElectionState, epoch: 5, leaderId: -1, votedId: 2 }
/** As many ways to keep, lose or tear what was not synced. */
const draws = 40

describe.each([0, 1])('the state of a voter of kraft.version %i', kraftVersion => {
  const form = { kraftVersion, voterIds: [1, 2, 3] }

  test('is read as it was written, and is the initial one before', () => {
    const { disk } = new SimulatedUniverse(1).machine('voter').boot()
    disk.makeDirectory(directory)
    expect(readElectionState(disk, directory)).toEqual(initialElectionState)
    writeElectionState(disk, directory, before, form)
    expect(readElectionState(disk, directory)).toEqual(before)
  })

  test('is the old or the new one when the power fails at any operation of its writing, and the new one when that has returned', () => {
    const found = new Set<number>()
    let operations = 0
    for (let hasReturned = false; !hasReturned; operations++) {
      for (let draw = 0; draw < draws; draw++) {
        const machine = new SimulatedUniverse(draw).machine('voter')
        const { disk } = machine.boot()
        disk.makeDirectory(directory)
        writeElectionState(disk, directory, before, form)
        machine.dieAtOperation(operations, 1, () => machine.losePower())
        try {
          writeElectionState(disk, directory, after, form)
          hasReturned = true
        } catch {
          // The process died.
        }
        machine.losePower()
        const state = readElectionState(machine.boot().disk, directory)
        expect([before, after]).toContainEqual(state)
        if (hasReturned) expect(state).toEqual(after)
        found.add(state.epoch)
      }
    }
    expect(operations).toBeGreaterThan(4)
    expect([...found].sort()).toEqual([4, 5])
  })
})
