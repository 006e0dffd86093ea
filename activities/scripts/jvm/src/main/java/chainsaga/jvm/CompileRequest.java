package chainsaga.jvm;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * A text that somebody wants to keep ({@code rules/script_checks.py}).
 *
 * @param sha names language and text, as in the requests of steps
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record CompileRequest(String language, String text, String sha) {}
