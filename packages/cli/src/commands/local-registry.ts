import { MillraceError } from '@millrace/runtime'
import { type RegistryOptions, type RunningRegistry, startRegistry } from '@millrace/schema-registry'

/** Where local clusters listen: nobody else's machine reaches it. */
export const host = '127.0.0.1'

/** The registry of a local cluster. Rejects with what to do when its port is in use. */
export async function openRegistry(options: RegistryOptions & { readonly port: number }): Promise<RunningRegistry> {
  try {
    return await startRegistry({ host, ...options })
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
    throw new MillraceError('PORT_IN_USE', `port ${options.port} of ${host} is in use`, {
      hint: 'choose another with --registry-port',
    })
  }
}
