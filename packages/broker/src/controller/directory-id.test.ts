import { expect, test } from 'vitest'
import { isDirectoryOnline, isReservedDirectory, lostDirectory, migratingDirectory, unassignedDirectory } from './directory-id.ts'

const some = 'DDDDDDDDDDDDDDDDDDDDDQ'
const other = 'DDDDDDDDDDDDDDDDDDDDDw'

test('the first hundred ids are reserved', () => {
  const idOf = (number: number) => Buffer.from([...Array(15).fill(0), number]).toString('base64url')
  for (const id of [unassignedDirectory, migratingDirectory, lostDirectory, idOf(99)]) expect(isReservedDirectory(id)).toBe(true)
  for (const id of [some, idOf(100), idOf(255)]) expect(isReservedDirectory(id)).toBe(false)
})

test('a replica is out of reach in a directory that its broker does not have, and where none is known it is not', () => {
  expect(isDirectoryOnline(some, [some, other])).toBe(true)
  expect(isDirectoryOnline(some, [other])).toBe(false)
  expect(isDirectoryOnline(some, [])).toBe(true)
  expect(isDirectoryOnline(unassignedDirectory, [other])).toBe(true)
  expect(isDirectoryOnline(migratingDirectory, [other])).toBe(true)
  expect(isDirectoryOnline(lostDirectory, [])).toBe(false)
})
