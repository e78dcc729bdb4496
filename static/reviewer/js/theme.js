// The theme button. The choice is a cookie, so that the server draws the next page right and nothing flashes.

const THEMES = ["auto", "light", "dark"];
const html = document.documentElement;
const button = document.querySelector("[data-theme-next]");

function choose(theme) {
  html.dataset.theme = theme;
  button.querySelector("[data-theme-name]").textContent = button.title = button.dataset[theme];
  document.cookie = `desk_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
}

button?.addEventListener("click", () => {
  choose(THEMES[(THEMES.indexOf(html.dataset.theme) + 1) % THEMES.length]);
});
