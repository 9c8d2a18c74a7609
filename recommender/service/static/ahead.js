// What the address names is asked for at once, beside the modules that are to show it; those that only other places need come later.
(() => {
  const begun = new Map();
  const PARTS = {
    track: "track", search: "words", find: "words", deepcuts: "deepcuts", mixes: "mixes", mix: "mixes", radios: "radio", radio: "radio", map: "map",
    playlists: "playlists", playlist: "playlists", shortlists: "shortlists", shortlist: "shortlists", file: "file", path: "path", like: "like", likelist: "like",
  };
  const named = new Set();

  function load(name) {
    if (named.has(name)) return;
    named.add(name);
    const link = document.createElement("link");
    link.rel = "modulepreload";
    link.href = `static/joined/${name}.js`;
    document.head.append(link);
  }

  function ask(path) {
    begun.set(path, fetch(path).catch((error) => error));
  }

  const place = location.hash.slice(1).split("&")[0].split("=")[0];
  if (Object.hasOwn(PARTS, place)) load(PARTS[place]);
  const song = location.hash.match(/^#track=([1-9][0-9]*)$/);
  if (!location.hash) for (const path of ["api/tracks?sort=artist&limit=50&offset=0", "api/genres"]) ask(path);
  else if (song) for (const path of ["", "/similar?n=20"]) ask(`api/tracks/${song[1]}${path}`);

  globalThis.ahead = {
    /** Return the answer to what was asked for, once; nothing where it was not asked. */
    take(path) {
      const found = begun.get(path);
      begun.delete(path);
      return found?.then((answer) => { if (answer instanceof Error) throw answer; return answer; });
    },
    /** Load what the places are made of that were not opened. */
    others: () => Object.values(PARTS).forEach(load),
    PARTS,
  };
})();
