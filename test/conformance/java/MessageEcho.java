import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.share.ShareCoordinatorRecordSerde;
import org.apache.kafka.metadata.MetadataRecordSerde;
import org.apache.kafka.server.common.ApiMessageAndVersion;

/**
 * What Apache Kafka's own classes make of messages, and what they say of APIs and errors. Reads messages with Apache Kafka's own classes and writes them again. One answer a line:
 *
 *     versions NAME            -> "LOWEST HIGHEST", or "absent"
 *     echo NAME VERSION HEX    -> the bytes that Kafka writes for what it has read, or "error WHAT"
 *     api KEY                  -> "NAME OLDEST LATEST LISTENERS CLUSTERACTION FORWARDED HEADERS", or "absent"; stable versions, and for each
 *                                 of them the versions of request and response header
 *     error CODE               -> "NAME RETRIABLE REFRESHMETADATA", or "absent"
 *     metadata HEX             -> the record of the metadata log in these bytes, frame and all, read and written again
 *     group KEY VALUE          -> the record of __consumer_offsets with these bytes, read and written again: "KEY VALUE"
 *     share KEY VALUE          -> the same for __share_group_state
 */
public final class MessageEcho {
    private static final List<String> PACKAGES = List.of(
        "org.apache.kafka.common.message",
        "org.apache.kafka.common.metadata",
        "org.apache.kafka.coordinator.group.generated",
        "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.coordinator.transaction.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated",
        "org.apache.kafka.raft.generated",
        "org.apache.kafka.streams.internals.generated");

    private static final Map<String, Class<?>> CLASSES = new HashMap<>();

    private static Class<?> classOf(String name) {
        return CLASSES.computeIfAbsent(name, key -> {
            for (String packageName : PACKAGES)
                for (String suffix : List.of("Data", ""))
                    try {
                        Class<?> found = Class.forName(packageName + "." + key + suffix);
                        if (Message.class.isAssignableFrom(found)) return found;
                    } catch (ClassNotFoundException ignored) {
                        // the next package may have it
                    }
            return Void.class;
        });
    }

    private static String answer(String line) throws Exception {
        String[] words = line.split(" ", -1);
        if (words[0].equals("api")) return api(Integer.parseInt(words[1]));
        if (words[0].equals("error")) return error(Short.parseShort(words[1]));
        if (words[0].equals("metadata")) return metadata(words[1]);
        if (words[0].equals("group")) return coordinator(new GroupCoordinatorRecordSerde(), words[1], words[2]);
        if (words[0].equals("share")) return coordinator(new ShareCoordinatorRecordSerde(), words[1], words[2]);
        Class<?> type = classOf(words[1]);
        if (type == Void.class) return "absent";
        Message message = (Message) type.getDeclaredConstructor().newInstance();
        if (words[0].equals("versions")) return message.lowestSupportedVersion() + " " + message.highestSupportedVersion();
        short version = Short.parseShort(words[2]);
        ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(words[3]));
        message.read(new ByteBufferAccessor(bytes), version);
        if (bytes.hasRemaining()) return "error " + bytes.remaining() + " bytes left";
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer out = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(out), cache, version);
        return HexFormat.of().formatHex(out.array(), 0, out.position());
    }

    private static String metadata(String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        ApiMessageAndVersion record = MetadataRecordSerde.INSTANCE.read(new ByteBufferAccessor(ByteBuffer.wrap(bytes)), bytes.length);
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer out = ByteBuffer.allocate(MetadataRecordSerde.INSTANCE.recordSize(record, cache));
        MetadataRecordSerde.INSTANCE.write(record, cache, new ByteBufferAccessor(out));
        return HexFormat.of().formatHex(out.array(), 0, out.position());
    }

    private static String coordinator(CoordinatorRecordSerde serde, String key, String value) {
        CoordinatorRecord record = serde.deserialize(
            ByteBuffer.wrap(HexFormat.of().parseHex(key)),
            ByteBuffer.wrap(HexFormat.of().parseHex(value)));
        return HexFormat.of().formatHex(serde.serializeKey(record)) + " " + HexFormat.of().formatHex(serde.serializeValue(record));
    }

    private static String api(int key) {
        if (!ApiKeys.hasId(key) || !ApiKeys.forId(key).hasValidVersion()) return "absent";
        ApiKeys api = ApiKeys.forId(key);
        short latest = api.latestVersion(false);
        StringBuilder headers = new StringBuilder();
        for (short version = api.oldestVersion(); version <= latest; version++)
            headers.append(api.requestHeaderVersion(version)).append(api.responseHeaderVersion(version)).append(',');
        String listeners = api.messageType.listeners().toString().toLowerCase().replace(" ", "");
        return String.join(" ", api.name, "" + api.oldestVersion(), "" + latest, listeners, "" + api.clusterAction, "" + api.forwardable, headers);
    }

    private static String error(short code) {
        Errors error = Errors.forCode(code);
        if (error.code() != code) return "absent";
        boolean retriable = error.exception() instanceof RetriableException;
        boolean refresh = error.exception() instanceof InvalidMetadataException;
        return error.name() + " " + retriable + " " + refresh;
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            String result;
            try {
                result = answer(line);
            } catch (InvocationTargetException error) {
                result = "error " + error.getCause();
            } catch (Exception error) {
                result = "error " + error;
            }
            out.println(result.replace('\n', ' '));
        }
        out.flush();
    }
}
