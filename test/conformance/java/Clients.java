import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Apache Kafka's own producer, consumer and admin against the broker at args[0]; what they see, as lines "name: value". */
public class Clients {
    private static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};
    private static final Duration POLL = Duration.ofMillis(50);
    private final String bootstrapServers;

    private Clients(String bootstrapServers) {
        this.bootstrapServers = bootstrapServers;
    }

    public static void main(String[] args) throws Exception {
        Clients clients = new Clients(args[0]);
        try (Admin admin = Admin.create(clients.properties())) {
            clients.codecs(admin);
            clients.acks(admin);
            clients.group(admin, "range", "org.apache.kafka.clients.consumer.RangeAssignor");
            clients.group(admin, "cooperative", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
            clients.staticMember(admin);
            clients.administer(admin);
            clients.refusals(admin);
        }
    }

    private static void say(String name, Object value) {
        System.out.println(name + ": " + value);
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean())
            if (System.nanoTime() > deadline) throw new IllegalStateException("timed out: " + what);
    }

    private Properties properties(String... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrapServers);
        for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
        return properties;
    }

    private KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    private KafkaConsumer<String, String> consumer(String... pairs) {
        Properties properties = properties(pairs);
        properties.putIfAbsent("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(properties, new StringDeserializer(), new StringDeserializer());
    }

    private static void create(Admin admin, String topic, int partitions) throws Exception {
        admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
    }

    /** Idempotent producers write with every codec, a consumer reads the same back. */
    private void codecs(Admin admin) throws Exception {
        create(admin, "java-codecs", 1);
        TopicPartition partition = new TopicPartition("java-codecs", 0);
        List<String> sent = new ArrayList<>();
        for (String codec : CODECS) {
            try (KafkaProducer<String, String> producer = producer("compression.type", codec, "linger.ms", "20", "enable.idempotence", "true")) {
                List<Future<RecordMetadata>> results = new ArrayList<>();
                for (int i = 0; i < 100; i++) {
                    String value = codec + "-" + i + " " + "again ".repeat(30);
                    ProducerRecord<String, String> record = new ProducerRecord<>("java-codecs", 0, 1_000L + i, i % 10 == 0 ? null : "key-" + i, value);
                    record.headers().add(new RecordHeader("codec", codec.getBytes(StandardCharsets.UTF_8))).add("null", null);
                    results.add(producer.send(record));
                    sent.add(record.timestamp() + "|" + record.key() + "|" + value + "|" + codec);
                }
                producer.flush();
                say("sent " + codec, results.get(0).get().offset() + ".." + results.get(99).get().offset());
            }
        }
        List<String> read = new ArrayList<>();
        try (KafkaConsumer<String, String> consumer = consumer("check.crcs", "true", "max.partition.fetch.bytes", "4096")) {
            consumer.assign(List.of(partition));
            await("all codecs read", () -> {
                for (ConsumerRecord<String, String> record : consumer.poll(POLL)) {
                    String codec = new String(record.headers().lastHeader("codec").value(), StandardCharsets.UTF_8);
                    if (record.offset() != read.size() || record.headers().lastHeader("null").value() != null) throw new IllegalStateException("" + record);
                    read.add(record.timestamp() + "|" + record.key() + "|" + record.value() + "|" + codec);
                }
                return read.size() >= sent.size();
            });
            say("read", read.size() + (read.equals(sent) ? " as sent" : " but not as sent"));
            say("offsets", consumer.beginningOffsets(List.of(partition)).get(partition) + ".." + consumer.endOffsets(List.of(partition)).get(partition));
            say("offset of time 1050", consumer.offsetsForTimes(Map.of(partition, 1_050L)).get(partition));
            consumer.seek(partition, 250);
            say("after seek", consumer.poll(Duration.ofSeconds(30)).iterator().next().offset());
        }
    }

    private void acks(Admin admin) throws Exception {
        create(admin, "java-acks", 1);
        for (String acks : new String[] {"0", "1", "all"})
            try (KafkaProducer<String, String> producer = producer("acks", acks, "enable.idempotence", "false")) {
                for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>("java-acks", 0, null, acks + "-" + i));
            }
        TopicPartition partition = new TopicPartition("java-acks", 0);
        try (KafkaConsumer<String, String> consumer = consumer()) {
            consumer.assign(List.of(partition));
            List<String> read = new ArrayList<>();
            await("acks", () -> {
                consumer.poll(POLL).forEach(record -> read.add(record.value()));
                return read.size() >= 30;
            });
            say("acks", read.get(0) + " " + read.get(10) + " " + read.get(29));
        }
    }

    /** Two members share four partitions, commit, and one takes over when the other leaves. */
    private void group(Admin admin, String name, String assignor) throws Exception {
        String topic = "java-" + name;
        create(admin, topic, 4);
        List<String> log = new ArrayList<>();
        Map<Integer, List<String>> seen = new TreeMap<>();
        String[] settings = {"group.id", topic, "partition.assignment.strategy", assignor, "heartbeat.interval.ms", "200"};
        KafkaConsumer<String, String> one = consumer(settings);
        KafkaConsumer<String, String> two = consumer(settings);
        ConsumerRebalanceListener listener = new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                log.add("revoked " + partitions.size());
            }

            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                if (!partitions.isEmpty()) log.add("assigned " + partitions.size());
            }
        };
        one.subscribe(List.of(topic), listener);
        await(name + ": alone", () -> {
            one.poll(POLL);
            return one.assignment().size() == 4;
        });
        two.subscribe(List.of(topic));
        await(name + ": shared", () -> {
            one.poll(POLL);
            two.poll(POLL);
            return one.assignment().size() == 2 && two.assignment().size() == 2;
        });
        Set<TopicPartition> both = new TreeSet<>(Comparator.comparingInt(TopicPartition::partition));
        both.addAll(one.assignment());
        both.addAll(two.assignment());
        say(name + " covers", both.size());
        say(name + " events", log);

        try (KafkaProducer<String, String> producer = producer("compression.type", "zstd")) {
            for (int i = 0; i < 80; i++) producer.send(new ProducerRecord<>(topic, i % 4, null, "" + i));
        }
        BooleanSupplier readAll = () -> {
            for (KafkaConsumer<String, String> consumer : List.of(one, two))
                for (ConsumerRecord<String, String> record : consumer.poll(POLL))
                    seen.computeIfAbsent(record.partition(), ignored -> new ArrayList<>()).add(record.value());
            return seen.values().stream().mapToInt(List::size).sum() >= 80;
        };
        await(name + ": read", readAll);
        for (int i = 0; i < 4; i++) {
            int partition = i;
            List<String> expected = IntStream.range(0, 20).mapToObj(n -> "" + (n * 4 + partition)).toList();
            if (!seen.get(i).equals(expected)) throw new IllegalStateException(name + ": " + seen);
        }
        one.commitSync();
        two.commitSync();

        ConsumerGroupDescription group = admin.describeConsumerGroups(List.of(topic)).all().get().get(topic);
        say(name + " described", group.groupState() + " " + group.type() + " " + group.partitionAssignor() + " "
            + group.members().stream().map(member -> "" + member.assignment().topicPartitions().size()).toList());
        Map<TopicPartition, OffsetAndMetadata> committed = admin.listConsumerGroupOffsets(topic).partitionsToOffsetAndMetadata().get();
        say(name + " committed", committed.values().stream().map(OffsetAndMetadata::offset).toList());
        two.close();
        await(name + ": taken over", () -> {
            one.poll(POLL);
            return one.assignment().size() == 4;
        });
        say(name + " position", one.position(new TopicPartition(topic, 3)));
        one.close();
        say(name + " left", admin.describeConsumerGroups(List.of(topic)).all().get().get(topic).groupState());
    }

    /** A static member that comes back within its session keeps its partitions without a rebalance. */
    private void staticMember(Admin admin) throws Exception {
        create(admin, "java-static", 2);
        String[] settings = {"group.id", "java-static", "group.instance.id", "instance-1", "session.timeout.ms", "30000"};
        String[] memberIds = new String[2];
        for (int i = 0; i < 2; i++)
            try (KafkaConsumer<String, String> consumer = consumer(settings)) {
                consumer.subscribe(List.of("java-static"));
                await("static member", () -> {
                    consumer.poll(POLL);
                    return consumer.assignment().size() == 2;
                });
                say("static generation", consumer.groupMetadata().generationId());
                memberIds[i] = consumer.groupMetadata().memberId();
            }
        say("static member ids differ", !memberIds[0].equals(memberIds[1]));
    }

    private void administer(Admin admin) throws Exception {
        String topic = "java-admin";
        admin.createTopics(List.of(new NewTopic(topic, Optional.of(2), Optional.empty()).configs(Map.of("retention.ms", "5000000")))).all().get();
        say("cluster", admin.describeCluster().nodes().get().size() + " node, controller " + admin.describeCluster().controller().get().id());
        say("listed", admin.listTopics().names().get().contains(topic));
        TopicDescription described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        say("described", described.partitions().stream()
            .map(partition -> partition.partition() + " " + partition.leader().id() + " " + partition.replicas().size() + " " + partition.isr().size()).toList());
        say("by id", admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds().get()
            .get(described.topicId()).name());
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
        say("partitions", admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());

        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND),
            new AlterConfigOp(new ConfigEntry("max.message.bytes", "2000"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("retention.ms", ""), AlterConfigOp.OpType.DELETE)))).all().get();
        Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        for (String key : new String[] {"cleanup.policy", "max.message.bytes", "retention.ms"})
            say(key, config.get(key).value() + " " + config.get(key).source());
        say("broker config", admin.describeConfigs(List.of(new ConfigResource(ConfigResource.Type.BROKER, "1"))).all().get()
            .values().iterator().next().get("node.id").value());

        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < 20; i++) producer.send(new ProducerRecord<>(topic, 1, 1_000L * i, "key", "" + i));
        }
        TopicPartition partition = new TopicPartition(topic, 1);
        Map<String, OffsetSpec> specs = new TreeMap<>(Map.of("earliest", OffsetSpec.earliest(), "latest", OffsetSpec.latest(),
            "max timestamp", OffsetSpec.maxTimestamp(), "time", OffsetSpec.forTimestamp(7_500)));
        for (Map.Entry<String, OffsetSpec> spec : specs.entrySet()) {
            ListOffsetsResultInfo info = admin.listOffsets(Map.of(partition, spec.getValue())).partitionResult(partition).get();
            say(spec.getKey(), info.offset() + " " + info.timestamp());
        }
        say("deleted before", admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(5))).lowWatermarks().get(partition).get().lowWatermark());
        say("earliest after", admin.listOffsets(Map.of(partition, OffsetSpec.earliest())).partitionResult(partition).get().offset());

        admin.alterConsumerGroupOffsets("java-offsets", Map.of(partition, new OffsetAndMetadata(9, Optional.of(0), "note"))).all().get();
        OffsetAndMetadata offset = admin.listConsumerGroupOffsets("java-offsets").partitionsToOffsetAndMetadata().get().get(partition);
        say("altered", offset.offset() + " " + offset.metadata());
        say("groups", admin.listGroups().all().get().stream().map(group -> group.groupId()).filter(id -> id.startsWith("java-"))
            .collect(Collectors.toCollection(TreeSet::new)));
        admin.deleteConsumerGroupOffsets("java-offsets", Set.of(partition)).all().get();
        admin.deleteConsumerGroups(List.of("java-range")).all().get();
        say("group deleted", admin.listGroups().all().get().stream().noneMatch(group -> group.groupId().equals("java-range")));
        say("quorum", admin.describeMetadataQuorum().quorumInfo().get().voters().size() + " voter, leader "
            + admin.describeMetadataQuorum().quorumInfo().get().leaderId());
        say("feature", admin.describeFeatures().featureMetadata().get().finalizedFeatures().get("metadata.version").maxVersionLevel() > 0);
    }

    /** What is refused is refused with Kafka's own error, at once. */
    private void refusals(Admin admin) throws Exception {
        Map<String, Future<?>> asked = new TreeMap<>();
        asked.put("existing topic", admin.createTopics(List.of(new NewTopic("java-admin", 1, (short) 1))).all());
        asked.put("illegal name", admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all());
        asked.put("many replicas", admin.createTopics(List.of(new NewTopic("wide", 1, (short) 5))).all());
        asked.put("unknown topic", admin.describeTopics(List.of("nowhere")).allTopicNames());
        asked.put("fewer partitions", admin.createPartitions(Map.of("java-admin", NewPartitions.increaseTo(2))).all());
        asked.put("unknown group", admin.deleteConsumerGroups(List.of("nobody")).all());
        try (KafkaProducer<String, String> producer = producer("max.request.size", "10000000")) {
            asked.put("large record", producer.send(new ProducerRecord<>("java-admin", 0, "key", "x".repeat(5_000))));
            producer.flush();
            asked.put("no key in a compacted topic", producer.send(new ProducerRecord<>("java-admin", 0, null, "x")));
            producer.flush();
        }
        for (Map.Entry<String, Future<?>> entry : asked.entrySet())
            try {
                entry.getValue().get();
                say(entry.getKey(), "not refused");
            } catch (ExecutionException refused) {
                say(entry.getKey(), refused.getCause().getClass().getSimpleName());
            }
        try (KafkaConsumer<String, String> consumer = consumer("auto.offset.reset", "none")) {
            TopicPartition partition = new TopicPartition("java-admin", 1);
            consumer.assign(List.of(partition));
            consumer.seek(partition, 1);
            await("out of range", () -> {
                try {
                    return !consumer.poll(POLL).isEmpty();
                } catch (OffsetOutOfRangeException error) {
                    say("offset out of range", error.offsetOutOfRangePartitions());
                    return true;
                }
            });
        }
    }
}
