/* What is asked of the service, and its errors as one plain line. */

/** An error of the service, or of the way to it. */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(sentence(detail || title));
    Object.assign(this, { status, title });
  }
}

/** Return an address with its parameters; those that are empty are left out, lists are repeated. Paths go from the page's own, below whatever prefix that is. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) query.append(name, one);
    }
  }
  const said = query.toString();
  return said ? `${path}?${said}` : path;
}

/** Ask the service; return its JSON, null where there is none, `{waiting: true}` where it is still at work. */
export async function ask(path, parameters = {}, options = {}) {
  let response;
  try {
    response = await (begun(path, parameters, options) ?? fetch(address(path, parameters), options));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer", "The service does not answer. Is “deepcuts serve” still running?");
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 202) return { waiting: true };
  if (response.status === 204) return null;
  return response.json();
}

/** Return what was asked for before the modules were there, once; nothing where it was not. */
function begun(path, parameters, { method, signal }) {
  if (method || signal?.aborted) return null;
  return globalThis.ahead?.take(address(path, parameters));
}

/** Send JSON. */
export function send(path, content, method = "POST") {
  return ask(path, {}, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
}

async function problemOf(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // Something between here and the service answered.
  }
  const title = said.title || `Error ${response.status}`;
  return new Problem(response.status, title, typeof said.detail === "string" ? said.detail : title);
}

const remembered = new Map();

/** Ask for what does not change while the page is open; failures are not remembered. */
export function once(path, parameters = {}) {
  const key = address(path, parameters);
  if (!remembered.has(key)) {
    const asked = ask(path, parameters);
    asked.catch(() => remembered.delete(key));
    remembered.set(key, asked);
  }
  return remembered.get(key);
}

/** Return a sentence with a capital at its start and a full stop at its end. */
export function sentence(text) {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}

/** Return where a song's sound comes from. */
export function soundOf(track) {
  return track.source || `api/tracks/${track.track_id}/audio`;
}

/** The same as WAV, for browsers that do not know the file's format. */
export function decodedSoundOf(track) {
  return `api/tracks/${track.track_id}/listen`;
}
