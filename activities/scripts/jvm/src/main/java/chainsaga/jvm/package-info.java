/**
 * The worker for scripts of JVM languages: steps that come from Temporal, their attempts, and the
 * processes in which scripts run. The contract is in docs/adr/0026-scripts.md; this side's own
 * decisions are in docs/adr/0027-jvm-worker.md. Knows no chains, and compiles no script itself.
 */
package chainsaga.jvm;
