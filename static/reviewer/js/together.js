// The box of a group selects all of its members, and says when only some are. Without this each has its own.

const members = (all) => [...all.closest("li").querySelectorAll("input[name=pick]")];

function tell(all) {
  const chosen = members(all).filter((box) => box.checked).length;
  all.checked = chosen === members(all).length;
  all.indeterminate = chosen > 0 && !all.checked;
}

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-all]")) for (const box of members(target)) box.checked = target.checked;
  const all = target.closest(".picks > li")?.querySelector("[data-all]");
  if (all) tell(all);
});

// Boxes come back as they were left.
addEventListener("pageshow", () => document.querySelectorAll("[data-all]").forEach(tell));
