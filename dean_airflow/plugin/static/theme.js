// Airflow's choice of theme, before the first paint. A classic script, so that it runs before anything is drawn.
// Airflow keeps "light", "dark" or "system" under `theme`; without a choice the system's own holds.
(() => {
  "use strict";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage may be closed to us; the system's choice is a good one
    }
  };
  const apply = () => {
    const choice = chosen();
    const theme = choice === "light" || choice === "dark" ? choice : dark.matches ? "dark" : "light";
    if (document.documentElement.dataset.theme !== theme) {
      document.documentElement.dataset.theme = theme;
      dispatchEvent(new Event("dean-theme"));
    }
  };
  apply();
  addEventListener("storage", apply); // Airflow's page around this one has changed it
  dark.addEventListener("change", apply);
})();
