/** Reads Java's properties format (`server.properties`, `meta.properties`): comments, continuation lines, escapes. A later key wins. */
export function parseProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  const lines = text.split(/\r\n|\r|\n/)
  for (let i = 0; i < lines.length; i++) {
    let line = lines[i]!.trimStart()
    if (line === '' || line.startsWith('#') || line.startsWith('!')) continue
    while (endsInOddBackslashes(line) && i + 1 < lines.length) line = line.slice(0, -1) + lines[++i]!.trimStart()
    const { key, value } = split(line)
    properties.set(unescaped(key), unescaped(value))
  }
  return properties
}

/** Writes properties, one a line, in the map's order. */
export function formatProperties(properties: ReadonlyMap<string, string>): string {
  let text = ''
  for (const [key, value] of properties)
    text += `${key.replace(/[\\=: #!]/g, '\\$&')}=${value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n`
  return text
}

function endsInOddBackslashes(line: string): boolean {
  const trailing = /\\*$/.exec(line)![0].length
  return trailing % 2 === 1
}

function split(line: string): { key: string; value: string } {
  const match = /^((?:\\.|[^\\=:\s])*)\s*[=:]?\s*/.exec(line)!
  return { key: match[1]!, value: line.slice(match[0].length) }
}

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/g, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return { n: '\n', t: '\t', r: '\r', f: '\f' }[escaped] ?? escaped
  })
}
