// Loaded before the page is drawn, so that it never flashes in the other theme.
try {
  const theme = JSON.parse(localStorage.getItem("deepcuts") || "{}").theme;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // No settings are kept here: the system's theme it is.
}
