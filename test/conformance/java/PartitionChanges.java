import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.common.DirectoryId;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.metadata.PartitionChangeRecord;
import org.apache.kafka.controller.PartitionChangeBuilder;
import org.apache.kafka.metadata.LeaderRecoveryState;
import org.apache.kafka.metadata.PartitionRegistration;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.MetadataVersion;

/**
 * What Apache Kafka's controller makes of a partition whose replicas, in-sync set or brokers change. One case a line, fields by tabs:
 *
 *     leader replicas isr elr lastKnown adding removing recovery metadataVersion elrEnabled minIsr alive election
 *     targetIsr targetReplicas targetAdding targetRemoving uncleanShutdown
 *
 * and the partition after it: leader leaderEpoch partitionEpoch replicas isr elr lastKnown adding removing recovery. Lists by commas, elr sorted.
 */
public final class PartitionChanges {
    private static final Uuid TOPIC = new Uuid(1, 1000);

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) out.println(change(line.split("\t", -1)));
        out.flush();
    }

    private static String change(String[] fields) {
        int[] replicas = ids(fields[1]);
        PartitionRegistration before = new PartitionRegistration.Builder()
            .setLeader(Integer.valueOf(fields[0])).setReplicas(replicas).setIsr(ids(fields[2])).setElr(ids(fields[3]))
            .setLastKnownElr(ids(fields[4])).setAddingReplicas(ids(fields[5])).setRemovingReplicas(ids(fields[6]))
            .setLeaderRecoveryState(LeaderRecoveryState.of(Byte.parseByte(fields[7])))
            .setLeaderEpoch(10).setPartitionEpoch(20).setDirectories(DirectoryId.unassignedArray(replicas.length)).build();
        List<Integer> alive = list(fields[11]);
        PartitionChangeBuilder builder = new PartitionChangeBuilder(
            before, TOPIC, 0, alive::contains, MetadataVersion.fromFeatureLevel(Short.parseShort(fields[8])),
            Integer.parseInt(fields[10]), fields[9].equals("1"));
        builder.setElection(PartitionChangeBuilder.Election.valueOf(fields[12])).setDefaultDirProvider(id -> DirectoryId.UNASSIGNED);
        if (!fields[13].equals("-")) builder.setTargetIsr(list(fields[13]));
        if (!fields[14].equals("-")) builder.setTargetReplicas(list(fields[14]));
        // As its controller does: a list that is empty stays as it was.
        if (!fields[15].isEmpty()) builder.setTargetAdding(list(fields[15]));
        if (!fields[16].isEmpty()) builder.setTargetRemoving(list(fields[16]));
        if (!fields[17].isEmpty()) builder.setUncleanShutdownReplicas(list(fields[17]));
        Optional<ApiMessageAndVersion> record = builder.build();
        PartitionRegistration after = record.map(each -> before.merge((PartitionChangeRecord) each.message())).orElse(before);
        TreeSet<Integer> elr = Arrays.stream(after.elr).boxed().collect(Collectors.toCollection(TreeSet::new));
        return after.leader + "\t" + after.leaderEpoch + "\t" + after.partitionEpoch + "\t" + text(after.replicas) + "\t" + text(after.isr)
            + "\t" + elr.stream().map(String::valueOf).collect(Collectors.joining(",")) + "\t" + text(after.lastKnownElr)
            + "\t" + text(after.addingReplicas) + "\t" + text(after.removingReplicas) + "\t" + after.leaderRecoveryState.value();
    }

    private static int[] ids(String text) {
        return list(text).stream().mapToInt(Integer::intValue).toArray();
    }

    private static List<Integer> list(String text) {
        return text.isEmpty() ? List.of() : Arrays.stream(text.split(",")).map(Integer::valueOf).collect(Collectors.toList());
    }

    private static String text(int[] ids) {
        return Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(","));
    }
}
