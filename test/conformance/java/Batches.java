import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Random;
import java.util.StringJoiner;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.ByteBufferOutputStream;

/**
 * Record batches as Apache Kafka's own classes write and read them. One answer a line:
 *
 *     write CODEC COUNT VALUEBYTES SEED KIND   -> HEX TEXT: random records; KIND is plain, idempotent, transactional, append-time, horizon or gaps
 *     read HEX                                 -> TEXT, or "error WHAT"
 *     marker COMMIT|ABORT OFFSET TIMESTAMP LEADEREPOCH PRODUCER EPOCH COORDINATOREPOCH -> HEX
 *     read-marker HEX                          -> "TYPE COORDINATOREPOCH"
 *
 * TEXT is the batch's header fields, then each record: `field,field,...;offset,timestamp,key,value,header=value,...;...`, bytes in hex and null as `-`.
 */
public final class Batches {
    private static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = answer(line.split(" "));
            } catch (Exception error) {
                answer = "error " + error.toString().replace('\n', ' ');
            }
            out.print(answer + "\n");
        }
        out.flush();
    }

    private static String answer(String[] words) {
        switch (words[0]) {
            case "write": {
                ByteBuffer made = write(words[1], Integer.parseInt(words[2]), Integer.parseInt(words[3]), Long.parseLong(words[4]), words[5]);
                return hex(made) + " " + describe(onlyBatch(made));
            }
            case "read":
                return describe(onlyBatch(ByteBuffer.wrap(HEX.parseHex(words[1]))));
            case "marker":
                return hex(MemoryRecords.withEndTransactionMarker(
                    Long.parseLong(words[2]),
                    Long.parseLong(words[3]),
                    Integer.parseInt(words[4]),
                    Long.parseLong(words[5]),
                    Short.parseShort(words[6]),
                    new EndTransactionMarker(ControlRecordType.valueOf(words[1]), Integer.parseInt(words[7]))).buffer());
            case "read-marker": {
                Record record = onlyBatch(ByteBuffer.wrap(HEX.parseHex(words[1]))).iterator().next();
                EndTransactionMarker marker = EndTransactionMarker.deserialize(record);
                return marker.controlType() + " " + marker.coordinatorEpoch();
            }
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    private static ByteBuffer write(String codec, int count, int valueBytes, long seed, String kind) {
        Random random = new Random(seed);
        boolean isTransactional = kind.equals("transactional");
        boolean hasProducer = isTransactional || kind.equals("idempotent");
        boolean isAppendTime = kind.equals("append-time");
        long now = 1_700_000_000_000L + random.nextInt(1_000_000);
        long baseOffset = random.nextInt(1_000_000_000) * 1000L;
        MemoryRecordsBuilder builder = new MemoryRecordsBuilder(
            new ByteBufferOutputStream(1024),
            RecordBatch.MAGIC_VALUE_V2,
            Compression.of(codec).build(),
            isAppendTime ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME,
            baseOffset,
            isAppendTime ? now : RecordBatch.NO_TIMESTAMP,
            hasProducer ? random.nextInt(1_000_000) : RecordBatch.NO_PRODUCER_ID,
            hasProducer ? (short) random.nextInt(1000) : RecordBatch.NO_PRODUCER_EPOCH,
            hasProducer ? random.nextInt(1_000_000) : RecordBatch.NO_SEQUENCE,
            isTransactional,
            false,
            random.nextInt(100),
            Integer.MAX_VALUE,
            kind.equals("horizon") ? now + 86_400_000L : RecordBatch.NO_TIMESTAMP);
        long offset = baseOffset;
        for (int index = 0; index < count; index++) {
            long timestamp = switch (random.nextInt(4)) {
                case 0 -> now;
                case 1 -> now + random.nextInt(100_000) - 50_000;
                case 2 -> now + index;
                default -> random.nextInt(10) == 0 ? 0 : now - random.nextInt(2_000_000_000) * 300L;
            };
            byte[] key = random.nextInt(4) == 0 ? null : bytes(random, random.nextInt(20));
            byte[] value = random.nextInt(8) == 0 ? null : bytes(random, random.nextInt(valueBytes + 1));
            Header[] headers = new Header[random.nextInt(3) == 0 ? random.nextInt(4) : 0];
            for (int each = 0; each < headers.length; each++)
                headers[each] = new RecordHeader("h\u00e9ader-" + random.nextInt(5), random.nextInt(3) == 0 ? null : bytes(random, random.nextInt(30)));
            if (kind.equals("gaps")) {
                builder.appendWithOffset(offset, timestamp, key, value, headers);
                offset += 1 + random.nextInt(50);
            } else builder.append(timestamp, key, value, headers);
        }
        return builder.build().buffer();
    }

    /** Half of them repeat a few words, so that codecs find something to do. */
    private static byte[] bytes(Random random, int length) {
        byte[] made = new byte[length];
        if (random.nextBoolean()) {
            random.nextBytes(made);
            return made;
        }
        byte[] words = "the quick brown fox jumps over the lazy dog ".getBytes(StandardCharsets.UTF_8);
        for (int at = 0, from = random.nextInt(words.length); at < length; at++) made[at] = words[(from + at) % words.length];
        return made;
    }

    private static RecordBatch onlyBatch(ByteBuffer bytes) {
        RecordBatch found = null;
        int size = bytes.remaining();
        for (RecordBatch batch : MemoryRecords.readableRecords(bytes).batches()) {
            if (found != null) throw new IllegalStateException("more than one batch");
            found = batch;
        }
        if (found == null || found.sizeInBytes() != size) throw new IllegalStateException("no whole batch");
        return found;
    }

    private static String describe(RecordBatch batch) {
        batch.ensureValid();
        StringJoiner all = new StringJoiner(";");
        StringJoiner header = new StringJoiner(",");
        header.add(Long.toString(batch.baseOffset()));
        header.add(Long.toString(batch.lastOffset()));
        header.add(Integer.toString(batch.partitionLeaderEpoch()));
        header.add(batch.compressionType() == CompressionType.NONE ? "none" : batch.compressionType().name);
        header.add(batch.timestampType().toString());
        header.add(batch.isTransactional() ? "transactional" : "-");
        header.add(batch.isControlBatch() ? "control" : "-");
        header.add(batch.deleteHorizonMs().isPresent() ? Long.toString(batch.deleteHorizonMs().getAsLong()) : "-");
        header.add(Long.toString(batch.maxTimestamp()));
        header.add(Long.toString(batch.producerId()));
        header.add(Short.toString(batch.producerEpoch()));
        header.add(Integer.toString(batch.baseSequence()));
        header.add(Integer.toString(batch.lastSequence()));
        header.add(Integer.toString(batch.countOrNull()));
        all.add(header.toString());
        for (Record record : batch) {
            StringJoiner fields = new StringJoiner(",");
            fields.add(Long.toString(record.offset()));
            fields.add(Long.toString(record.timestamp()));
            fields.add(record.hasKey() ? hex(record.key()) : "-");
            fields.add(record.hasValue() ? hex(record.value()) : "-");
            for (Header each : record.headers())
                fields.add(HEX.formatHex(each.key().getBytes(StandardCharsets.UTF_8)) + "=" + (each.value() == null ? "-" : HEX.formatHex(each.value())));
            all.add(fields.toString());
        }
        return all.toString();
    }

    private static String hex(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return HEX.formatHex(copy);
    }
}
