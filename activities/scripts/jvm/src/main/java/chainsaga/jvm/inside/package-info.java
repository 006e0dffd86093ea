/**
 * What runs in the processes for scripts: engines, the names that scripts know, and the loop that
 * is asked and answers. Knows neither Temporal nor steps.
 */
package chainsaga.jvm.inside;
