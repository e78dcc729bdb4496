// Runs before anything is drawn, so that nothing moves when what needs JavaScript appears, and the next page is drawn in
// this reader's time zone.
document.documentElement.dataset.js = "";
document.cookie = `desk_zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; max-age=31536000; samesite=lax`;
