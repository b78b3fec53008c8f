import type { Disk } from './world.ts'

/** The only recipe by which a small file is replaced: write a temporary one, fsync, rename, fsync the directory. After a crash either the old or the new one is there, whole. */
export function replaceFile(disk: Disk, path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const temporary = `${path}.tmp`
  disk.remove(temporary)
  const file = disk.open(temporary, 'write')
  try {
    file.write([bytes], 0)
    file.syncNow()
  } finally {
    file.close()
  }
  disk.rename(temporary, path)
  disk.syncDirectory(path.slice(0, path.lastIndexOf('/')) || '/')
}
