// Keys for whoever judges one case after another. They act only while the focus is within the case and in no field, so that
// they need no switch (WCAG 2.2, 2.1.4 Character Key Shortcuts).
document.addEventListener('keydown', (event) => {
    const pressed = {1: 'give-fraud', 2: 'give-false_alarm', 3: 'case-next'}[event.key];
    if (!pressed || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!event.target.closest('#case') || event.target.closest('input, textarea')) return;
    document.getElementById(pressed)?.click();
});
