import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.storage.log.FetchIsolation;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/**
 * A partition's directory as Apache Kafka's own log reads and writes it. Commands, one a line; each answers with lines and then "done":
 *
 *     write DIRECTORY clean|kill  appends batches of all codecs, with and without a producer, over many segments and three epochs; `kill` does
 *                                 not close the log, so that it is left as a killed broker leaves it
 *     read DIRECTORY clean|kill   opens the directory after a clean stop or a kill, and prints all that is in it
 *     grow DIRECTORY COUNT        opens, appends COUNT batches, closes
 *
 * What is in a log: "log START END EPOCH SEGMENTS", "record OFFSET TIMESTAMP VALUE", "producer ID EPOCH LASTSEQUENCE", "time TIMESTAMP OFFSET",
 * "epoch EPOCH ENDOFFSET".
 */
public final class LogFiles {
    /** Producers that were idle for a day are forgotten at the start. */
    private static final long FIRST_TIME = System.currentTimeMillis() - 1_000_000;
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            try {
                switch (words[0]) {
                    case "write" -> write(words[1], words[2].equals("clean"));
                    case "read" -> read(words[1], words[2].equals("clean"));
                    case "grow" -> grow(words[1], Integer.parseInt(words[2]));
                    default -> throw new IllegalArgumentException(line);
                }
            } catch (Exception error) {
                print("error " + error.toString().replace('\n', ' '));
            }
            print("done");
        }
        OUT.flush();
        // Logs that were not closed keep threads.
        Runtime.getRuntime().halt(0);
    }

    private static void print(String line) {
        OUT.print(line + "\n");
    }

    private static UnifiedLog open(String directory, boolean clean) throws Exception {
        new File(directory).mkdirs();
        LogConfig config = new LogConfig(Map.of("internal.segment.bytes", 4000, "index.interval.bytes", 300, "segment.index.bytes", 2000, "retention.ms", -1));
        KafkaScheduler scheduler = new KafkaScheduler(1);
        scheduler.startup();
        return UnifiedLog.create(new File(directory), config, 0L, 0L, scheduler, new BrokerTopicStats(), Time.SYSTEM, 300_000,
            new ProducerStateManagerConfig(86_400_000, false), 600_000, new LogDirFailureChannel(5), clean, Optional.of(Uuid.fromString("g-HqOjpDRLSw1H0WNX9e5A")));
    }

    private static void write(String directory, boolean clean) throws Exception {
        UnifiedLog log = open(directory, true);
        append(log, 200, 0);
        describe(log);
        if (clean) log.close();
    }

    private static void grow(String directory, int count) throws Exception {
        UnifiedLog log = open(directory, true);
        append(log, count, 9);
        describe(log);
        log.close();
    }

    private static void read(String directory, boolean clean) throws Exception {
        UnifiedLog log = open(directory, clean);
        describe(log);
        log.close();
    }

    private static void append(UnifiedLog log, int count, int firstEpoch) throws Exception {
        String[] codecs = {"none", "gzip", "snappy", "lz4", "zstd"};
        int sequence = 0;
        for (int i = 0; i < count; i++) {
            SimpleRecord[] records = new SimpleRecord[1 + i % 5];
            for (int n = 0; n < records.length; n++) {
                String value = "kafka-" + i + "-" + n + "-" + "abc".repeat(20);
                // Times mostly grow, and now and then go back.
                long time = FIRST_TIME + log.logEndOffset() * 10 + n - (i % 7 == 0 ? 5000 : 0);
                records[n] = new SimpleRecord(time, ("key" + n).getBytes(StandardCharsets.UTF_8), value.getBytes(StandardCharsets.UTF_8));
            }
            Compression codec = Compression.of(codecs[i % codecs.length]).build();
            int epoch = firstEpoch + i / 80;
            boolean isIdempotent = i % 2 == 1;
            MemoryRecords batch = isIdempotent
                ? MemoryRecords.withIdempotentRecords(codec, 4000 + firstEpoch, (short) 3, sequence, records)
                : MemoryRecords.withRecords(codec, records);
            if (isIdempotent) sequence += records.length;
            log.appendAsLeader(batch, epoch);
        }
        log.updateHighWatermark(log.logEndOffset());
    }

    private static void describe(UnifiedLog log) throws Exception {
        log.updateHighWatermark(log.logEndOffset());
        print("log " + log.logStartOffset() + " " + log.logEndOffset() + " " + log.latestEpoch().orElse(-1) + " " + log.numberOfSegments());
        long last = -1;
        for (long offset = log.logStartOffset(); offset < log.logEndOffset(); ) {
            long before = offset;
            for (RecordBatch batch : log.read(offset, 1000, FetchIsolation.LOG_END, true).records.batches()) {
                batch.ensureValid();
                for (Record record : batch) {
                    ByteBuffer value = record.value();
                    byte[] bytes = new byte[value.remaining()];
                    value.get(bytes);
                    print("record " + record.offset() + " " + record.timestamp() + " " + new String(bytes, StandardCharsets.UTF_8));
                    last = Math.max(last, record.timestamp());
                }
                offset = batch.nextOffset();
            }
            if (offset == before) throw new IllegalStateException("nothing at offset " + offset);
        }
        new TreeMap<>(log.activeProducersWithLastSequence()).forEach((id, sequence) -> print("producer " + id + " " + sequence));
        for (long time = last - 20_000; time <= last + 1; time += 377) {
            Optional<Long> found = log.fetchOffsetByTimestamp(time, Optional.empty()).timestampAndOffsetOpt().map(at -> at.offset);
            print("time " + time + " " + found.orElse(-1L));
        }
        for (int epoch = 0; epoch <= log.latestEpoch().orElse(-1); epoch++) {
            int asked = epoch;
            log.endOffsetForEpoch(epoch).ifPresent(end -> print("epoch " + asked + " " + end.epoch() + " " + end.offset()));
        }
    }
}
