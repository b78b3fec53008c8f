/** Who follows a partition, as its leader tells it of news. None of these calls may call back into the leader. */
export interface ReplicaFeed {
  /** So many bytes more are in the leader's file. */
  recordsWritten(bytes: number): void
  /** The high watermark, or where the log starts. */
  highWatermarkMoved(): void
  /** The leadership has ended, or begun anew in another epoch. */
  leaderChanged(): void
}
