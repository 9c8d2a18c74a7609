/* A file of one's own outlives a reload: the browser keeps it for the session of the tab, and no other tab finds it. */

const DATABASE = "deepcuts";
const STORE = "files";
const SESSION = "deepcuts-file";
const LONGEST_MS = 24 * 3600 * 1000;
/** What a person may choose as one. */
export const AUDIO_FILES = "audio/*,.opus,.flac,.wv,.ape,.wma,.aiff";

/** Do something with what is kept; return what it gives. */
function stored(act) {
  return new Promise((done, failed) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onerror = () => failed(opening.error);
    opening.onsuccess = () => {
      const base = opening.result;
      const turn = base.transaction(STORE, "readwrite");
      const asked = act(turn.objectStore(STORE));
      turn.oncomplete = () => { base.close(); done(asked.result); };
      turn.onerror = turn.onabort = () => { base.close(); failed(turn.error); };
    };
  });
}

let chosen = null;

/** Take a file for the one of this tab; return it as a track. */
export function own(file) {
  if (chosen) URL.revokeObjectURL(chosen.track.source);
  chosen = asOwn(file);
  keepFile(file);
  return chosen.track;
}

/** Return the file of this tab, as `{file, track}`; null where there is none. The track has no id; it plays from the browser's memory. */
export async function ownFile() {
  const kept = chosen ? null : await keptFile();
  if (kept) chosen ??= asOwn(kept);
  return chosen;
}

function asOwn(file) {
  return { file, sound: null, track: { track_id: null, title: file.name.replace(/\.[^.]{1,5}$/, ""), path: file.name, source: URL.createObjectURL(file) } };
}

/** Keep a file in the place of the one before; others that were left for a day go. It is no matter if that fails. */
async function keepFile(file) {
  try {
    const before = sessionStorage.getItem(SESSION);
    const [now, name] = [Date.now(), `${Date.now()} ${Math.random()}`];
    const names = await stored((store) => store.getAllKeys());
    const gone = names.filter((other) => other === before || Number(other.split(" ")[0]) < now - LONGEST_MS);
    await stored((store) => {
      for (const other of gone) store.delete(other);
      return store.put(file, name);
    });
    sessionStorage.setItem(SESSION, name);
  } catch {
    // The browser keeps nothing: the file is there until the page is loaded anew.
  }
}

/** Return the file that this tab kept; null where there is none. */
async function keptFile() {
  try {
    const name = sessionStorage.getItem(SESSION);
    return (name && await stored((store) => store.get(name))) || null;
  } catch {
    return null;
  }
}
