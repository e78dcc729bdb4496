// Comments: unfolding the place for one puts the cursor into it, at once, so that no letter is lost.

document.addEventListener("click", (event) => {
  const details = event.target.closest?.("[data-say] > summary")?.parentElement;
  if (!details || details.open) return;
  event.preventDefault();
  details.open = true;
  details.querySelector("textarea").focus();
});
