// Runs before anything is drawn, so that nothing moves when what needs JavaScript appears.
document.documentElement.dataset.js = "";
