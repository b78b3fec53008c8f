import type { MetadataImage } from './image.ts'

/** Levels of metadata.version at which the controller's records or rules change. Below 7 (3.3-IV3) no broker of this generation works. */
export const MetadataVersion = {
  minimum: 7,
  /** 3.6-IV0: a smaller in-sync set alone no longer begins a new leader epoch. */
  noEpochForShrink: 12,
  /** 3.7-IV0: controllers register. */
  controllerRegistration: 15,
  /** 3.7-IV2: brokers tell their directories (KIP-858). */
  directories: 17,
  /** 4.0-IV1: eligible leader replicas (KIP-966). */
  eligibleLeaderReplicas: 23,
  /** 4.3-IV0: cordoned directories. */
  cordonedDirectories: 30,
} as const

/** The finalized level of metadata.version. */
export function metadataVersionOf(image: MetadataImage): number {
  return image.features().get('metadata.version') ?? MetadataVersion.minimum
}

/** Whether the controller keeps eligible leader replicas: the feature is on, and the log may hold them. */
export function keepsEligibleReplicas(image: MetadataImage): boolean {
  return (
    image.features().get('eligible.leader.replicas.version') === 1 &&
    metadataVersionOf(image) >= MetadataVersion.eligibleLeaderReplicas
  )
}
