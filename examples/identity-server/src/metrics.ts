import * as telemetry from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

/** Counters at `http://127.0.0.1:PORT/metrics`, for Prometheus. Spans go where the host's own set-up of OpenTelemetry sends them. */
export async function serveMetrics(
  port: number,
): Promise<{ telemetry: typeof telemetry; close(): Promise<void> }> {
  const exporter = new PrometheusExporter({ port, host: '127.0.0.1', preventServerStart: true });
  telemetry.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
  await exporter.startServer();
  return { telemetry, close: () => exporter.shutdown() };
}
