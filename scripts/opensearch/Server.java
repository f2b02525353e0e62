import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** One OpenSearch node on loopback, without its distribution. Arguments: a folder for its data, and two free ports. */
public final class Server extends Node {
    private Server(Settings settings) {
        super(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "tests"),
            List.of(Netty4Plugin.class),
            false
        );
    }

    public static void main(String[] arguments) throws Exception {
        String folder = Path.of(arguments[0]).toAbsolutePath().toString();
        Server server = new Server(
            Settings.builder()
                .put("path.home", folder)
                .put("cluster.name", "tests")
                .put("discovery.type", "single-node")
                .put("network.host", "127.0.0.1")
                .put("http.type", "netty4")
                .put("http.port", arguments[1])
                .put("transport.type", "netty4")
                .put("transport.port", arguments[2])
                .put("cluster.routing.allocation.disk.threshold_enabled", false)
                .build()
        );
        server.start();
        Thread.currentThread().join();
    }
}
