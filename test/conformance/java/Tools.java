import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command line tools one after the other in one JVM: starting one costs more than most of them do.
 *
 * A request is a line of fields in base64, divided by spaces: the main class, the text for standard input, the arguments.
 * The answer is a line "STATUS BYTES_OF_STDOUT BYTES_OF_STDERR" and those bytes.
 */
public class Tools {
    /** Thrown where a tool would end the process. */
    static final class Ended extends Error {
        Ended() {
            super(null, null, false, false);
        }
    }

    /** What System.out or System.err was given: loggers and tools may keep the stream that they saw first. */
    static final class Capture extends OutputStream {
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        private boolean open;

        @Override
        public synchronized void write(int value) {
            if (open) bytes.write(value);
        }

        @Override
        public synchronized void write(byte[] from, int offset, int length) {
            if (open) bytes.write(from, offset, length);
        }

        synchronized void open() {
            open = true;
            bytes.reset();
        }

        synchronized byte[] shut() {
            open = false;
            return bytes.toByteArray();
        }
    }

    private final Capture out = new Capture();
    private final Capture err = new Capture();
    private final List<Runnable> shutdownHooks = new ArrayList<>();
    private Integer exitStatus;

    /** Ends the tool; what it does with the exception, such as print it, nobody sees. */
    private Ended exit(int status, String message) {
        if (exitStatus == null) {
            if (message != null) System.err.println(message);
            runShutdownHooks();
            exitStatus = status;
            out.shut();
            err.shut();
        }
        return new Ended();
    }

    private void runShutdownHooks() {
        List<Runnable> hooks = List.copyOf(shutdownHooks);
        shutdownHooks.clear();
        hooks.forEach(Runnable::run);
    }

    private void serve() throws IOException {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false);
        BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        Exit.setExitProcedure((status, message) -> {
            throw exit(status, message);
        });
        Exit.setHaltProcedure((status, message) -> {
            throw exit(status, message);
        });
        Exit.setShutdownHookAdder((name, hook) -> shutdownHooks.add(hook));

        for (String line; (line = requests.readLine()) != null; ) {
            String[] fields = Arrays.stream(line.split(" ", -1))
                .map(field -> new String(Base64.getDecoder().decode(field), StandardCharsets.UTF_8))
                .toArray(String[]::new);
            System.setIn(new ByteArrayInputStream(fields[1].getBytes(StandardCharsets.UTF_8)));
            out.open();
            err.open();
            exitStatus = null;
            run(fields[0], Arrays.copyOfRange(fields, 2, fields.length));
            byte[] printed = out.shut();
            byte[] complaints = err.shut();
            answers.println(exitStatus + " " + printed.length + " " + complaints.length);
            answers.write(printed);
            answers.write(complaints);
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private void run(String mainClass, String[] arguments) {
        try {
            Class.forName(mainClass).getMethod("main", String[].class).invoke(null, (Object) arguments);
            exit(0, null);
        } catch (InvocationTargetException wrapped) {
            if (exitStatus == null) wrapped.getCause().printStackTrace();
            exit(1, null);
        } catch (ReflectiveOperationException error) {
            error.printStackTrace();
            exit(1, null);
        }
    }

    public static void main(String[] ignored) throws IOException {
        new Tools().serve();
    }
}
