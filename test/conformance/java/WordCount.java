import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.Stores;

/** Apache Kafka's Streams library counts words on the broker at args[0], with state in args[1]; prints lines "name: value". */
public class WordCount {
    private static final String[] TEXTS = {"the quick brown fox", "the lazy dog", "the end"};

    public static void main(String[] args) throws Exception {
        Properties common = new Properties();
        common.put("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(common); KafkaProducer<String, String> producer = new KafkaProducer<>(common, new StringSerializer(), new StringSerializer())) {
            admin.createTopics(List.of(new NewTopic("texts", 3, (short) 1), new NewTopic("words", 2, (short) 1))).all().get();
            // The second run restores what the first one counted: it starts in an empty folder.
            for (int run = 1; run <= 2; run++) {
                for (int i = 0; i < 90; i++) producer.send(new ProducerRecord<>("texts", i % 3, null, TEXTS[i % TEXTS.length]));
                producer.flush();
                KafkaStreams streams = new KafkaStreams(topology(), settings(args[0], args[1] + "/" + run));
                try {
                    streams.start();
                    System.out.println("counts " + run + ": " + counts(common, 270L * run));
                } finally {
                    streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP).withTimeout(Duration.ofSeconds(30)));
                }
            }
            System.out.println("topics: " + admin.listTopics().names().get().stream().filter(name -> name.startsWith("word-count-")).collect(Collectors.toCollection(TreeSet::new)));
            System.out.println("committed: " + admin.listConsumerGroupOffsets("word-count").partitionsToOffsetAndMetadata().get().entrySet().stream()
                .filter(entry -> entry.getKey().topic().equals("texts")).mapToLong(entry -> entry.getValue().offset()).sum());
        }
    }

    private static Topology topology() {
        StreamsBuilder builder = new StreamsBuilder();
        builder.<String, String>stream("texts")
            .flatMapValues(text -> Arrays.asList(text.split(" ")))
            .groupBy((key, word) -> word)
            .count(Materialized.<String, Long>as(Stores.inMemoryKeyValueStore("counts")).withKeySerde(Serdes.String()).withValueSerde(Serdes.Long()))
            .toStream()
            .to("words", Produced.with(Serdes.String(), Serdes.Long()));
        return builder.build();
    }

    private static Properties settings(String bootstrapServers, String stateDirectory) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrapServers);
        settings.put("application.id", "word-count");
        settings.put("state.dir", stateDirectory);
        settings.put("default.key.serde", Serdes.StringSerde.class);
        settings.put("default.value.serde", Serdes.StringSerde.class);
        settings.put("num.stream.threads", "2");
        settings.put("commit.interval.ms", "200");
        settings.put("auto.offset.reset", "earliest");
        return settings;
    }

    /** The newest count of each word, once so many words have been counted. */
    private static Map<String, Long> counts(Properties common, long words) {
        Map<String, Long> counts = new TreeMap<>();
        long deadline = System.nanoTime() + 90_000_000_000L;
        try (KafkaConsumer<String, Long> consumer = new KafkaConsumer<>(common, new StringDeserializer(), new LongDeserializer())) {
            List<TopicPartition> partitions = List.of(new TopicPartition("words", 0), new TopicPartition("words", 1));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (counts.values().stream().mapToLong(Long::longValue).sum() < words) {
                if (System.nanoTime() > deadline) throw new IllegalStateException("timed out with " + counts);
                for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(100))) counts.put(record.key(), record.value());
            }
        }
        return counts;
    }
}
