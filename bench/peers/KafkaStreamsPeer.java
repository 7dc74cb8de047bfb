import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Kafka Streams with ONNX Runtime, a function per record, at least once or exactly once (exactly_once_v2).
 *
 * <p>Scores each transaction without the customer's history, as the other peers do: features of the past are NaN. One
 * stream thread and one thread of ONNX Runtime, like one process of the scorer. Takes the arguments of bench.peers.model.
 */
public final class KafkaStreamsPeer {

    /** Scores until SIGTERM. */
    public static void main(String[] arguments) throws IOException, OrtException {
        Map<String, String> given = new HashMap<>();
        for (int at = 0; at < arguments.length; at += 2) {
            given.put(arguments[at].substring(2), arguments[at + 1]);
        }
        Model model = new Model(Path.of(given.get("model")));
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(given.get("source"), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .map((key, value) -> model.score(value))
                .to(given.get("target"), Produced.with(Serdes.String(), Serdes.ByteArray()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings(given));
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static Properties settings(Map<String, String> given) {
        boolean exactlyOnce = given.get("guarantee").equals("exactly-once");
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("group"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("brokers"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, given.get("state"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
                exactlyOnce ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        return settings;
    }

    /** The ONNX file with its threshold, features and categories. Used by one thread: the input is one buffer, written again and again. */
    private static final class Model {
        private static final Map<String, Float> GENDERS = Map.of("F", 0f, "M", 1f);
        private static final double DECIMALS = 1e6;

        private final JsonFactory json = new JsonFactory();
        private final Map<String, Float> categories = new HashMap<>();
        private final Map<String, Integer> columns = new HashMap<>();
        private final double threshold;
        private final OrtSession session;
        private final FloatBuffer row;
        private final Map<String, OnnxTensor> input;
        private final int output;

        Model(Path folder) throws IOException, OrtException {
            JsonNode manifest = new ObjectMapper().readTree(folder.resolve("manifest.json").toFile());
            threshold = manifest.get("threshold").asDouble();
            // The contract is TOML; the manifest has the same names in the same order, in JSON.
            manifest.get("references").fieldNames().forEachRemaining(name -> columns.put(name, columns.size()));
            manifest.at("/distributions/category/values")
                    .forEach(name -> categories.put(name.asText(), (float) categories.size()));
            OrtEnvironment environment = OrtEnvironment.getEnvironment();
            OrtSession.SessionOptions options = new OrtSession.SessionOptions();
            options.setIntraOpNumThreads(1);
            options.setInterOpNumThreads(1);
            session = environment.createSession(folder.resolve(manifest.get("model_file").asText()).toString(), options);
            row = ByteBuffer.allocateDirect(columns.size() * Float.BYTES).order(ByteOrder.nativeOrder()).asFloatBuffer();
            OnnxTensor tensor = OnnxTensor.createTensor(environment, row, new long[] {1, columns.size()});
            input = Map.of(session.getInputNames().iterator().next(), tensor);
            output = session.getOutputNames().size() - 1;
        }

        /** Returns transaction id and message of the topic of scores for a message of either form, nested or flat. */
        KeyValue<String, byte[]> score(byte[] message) {
            try {
                String id = readFeatures(message);
                double score = Math.rint(probability() * DECIMALS) / DECIMALS;
                return KeyValue.pair(id, toJson(id, score));
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            } catch (OrtException error) {
                throw new IllegalStateException(error);
            }
        }

        private String readFeatures(byte[] message) throws IOException {
            for (int column = 0; column < row.capacity(); column++) {
                row.put(column, Float.NaN);
            }
            String id = null;
            try (JsonParser parser = json.createParser(message)) {
                while (parser.nextToken() != null) {
                    if (parser.currentToken() == JsonToken.FIELD_NAME) {
                        String field = parser.currentName();
                        parser.nextToken();
                        switch (field) {
                            case "transaction_id" -> id = parser.getText();
                            case "transaction_time" -> setTime(parser.getText());
                            case "amount" -> set("amount", parser.getFloatValue());
                            case "cat_id" -> set("category", categories.getOrDefault(parser.getText(), -1f));
                            case "gender" -> set("gender", GENDERS.getOrDefault(parser.getText(), Float.NaN));
                            case "population_city" -> set("population",
                                    parser.currentToken() == JsonToken.VALUE_NULL ? Float.NaN : parser.getFloatValue());
                            default -> { }
                        }
                    }
                }
            }
            return id;
        }

        private void setTime(String time) {
            set("hour", Integer.parseInt(time, 11, 13, 10));
            set("weekday", LocalDate.parse(time.substring(0, 10)).getDayOfWeek().getValue() - 1);
            set("month", Integer.parseInt(time, 5, 7, 10));
        }

        private void set(String feature, float value) {
            Integer column = columns.get(feature);
            if (column != null) {
                row.put(column, value);
            }
        }

        private float probability() throws OrtException {
            try (OrtSession.Result result = session.run(input)) {
                FloatBuffer probabilities = ((OnnxTensor) result.get(output)).getFloatBuffer();
                return probabilities.get(probabilities.capacity() - 1);
            }
        }

        private byte[] toJson(String id, double score) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(96);
            try (JsonGenerator generator = json.createGenerator(bytes)) {
                generator.writeStartObject();
                generator.writeStringField("transaction_id", id);
                generator.writeNumberField("score", score);
                generator.writeNumberField("fraud_flag", score >= threshold ? 1 : 0);
                generator.writeEndObject();
            }
            return bytes.toByteArray();
        }
    }
}
