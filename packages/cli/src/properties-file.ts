import { DiskError, MillraceError, parseProperties, type World } from '@millrace/runtime'

/** The keys and values of a server.properties. Throws a MillraceError that names the file. */
export function readPropertiesFile({ disk }: World, path: string): Map<string, string> {
  try {
    return parseProperties(disk.readFile(path).toString('utf8'))
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    const why = error.code === 'ENOENT' ? 'there is no such file' : error.code
    throw new MillraceError(error.code, `${path} cannot be read: ${why}`)
  }
}
