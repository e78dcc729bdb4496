"""Sign-in, sign-out, password, and the settings that live in cookies."""

from __future__ import annotations

from typing import cast

from django import forms
from django.conf import settings as project
from django.contrib import messages
from django.contrib.auth import views as auth
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from reviewer import languages
from reviewer.access import signed_in
from reviewer.context import AFTER_COOKIE, KEYS_COOKIE, THEME_COOKIE, UNDO_COOKIE, Desk
from reviewer.views.question import redirect_after_post

YEAR_SECONDS = 365 * 86_400


class SignIn(auth.LoginView):
    """The only page that needs no account."""

    template_name = "reviewer/account/sign_in.html"
    next_page = "reviewer:queue"
    redirect_authenticated_user = True

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SignOut(auth.LogoutView):
    """By POST only, so that no link can sign anybody out."""

    next_page = "reviewer:login"


class ChangePassword(auth.PasswordChangeView):
    """The old password, and the new one twice."""

    template_name = "reviewer/account/password.html"
    success_url = reverse_lazy("reviewer:queue")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, _("Your password is changed."))
        return super().form_valid(form)

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


class SettingsForm(forms.Form):
    """How the desk looks, speaks and listens, in this browser."""

    language = forms.ChoiceField(label=_("Language"), required=False, initial="")
    theme = forms.ChoiceField(
        label=_("Theme"),
        choices=[("auto", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))],
        widget=forms.RadioSelect,
    )
    keys = forms.BooleanField(label=_("Single keys act (j, k, a, d, z, /, ?)"), required=False)
    after = forms.ChoiceField(
        label=_("After an answer"),
        choices=[("next", _("The next question")), ("queue", _("The queue"))],
        widget=forms.RadioSelect,
        required=False,
        initial="next",
    )
    undo = forms.ChoiceField(
        label=_("An answer can be undone"),
        choices=[
            ("", _("As long as the workflow says")),
            ("20", _("20 seconds")),
            ("60", _("A minute")),
            ("0", _("Never")),
        ],
        help_text=_("A workflow that lets no answer be undone has the last word."),
        widget=forms.RadioSelect,
        required=False,
        initial="",
    )

    def __init__(self, request: HttpRequest) -> None:
        desk = Desk(request)
        initial = {name: getattr(desk, name) for name in self.base_fields if name != "language"}
        super().__init__(request.POST or None, initial={**initial, "language": languages.chosen(request)})
        offered = languages.offered()
        if offered:
            field = cast(forms.ChoiceField, self.fields["language"])
            field.choices = [("", _("As the browser")), *offered]
        else:
            del self.fields["language"]


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest) -> HttpResponse:
    """Language, theme, keys, and what comes after an answer, for this browser; works without JavaScript."""
    form = SettingsForm(request)
    if request.method != "POST" or not form.is_valid():
        status = 422 if request.method == "POST" else 200
        return render(request, "reviewer/account/settings.html", {"form": form}, status=status)
    response = redirect_after_post(reverse("reviewer:settings"))
    keep(request, response, THEME_COOKIE, form.cleaned_data["theme"])
    keep(request, response, KEYS_COOKIE, "on" if form.cleaned_data["keys"] else "off")
    keep(request, response, AFTER_COOKIE, form.cleaned_data["after"])
    keep(request, response, UNDO_COOKIE, form.cleaned_data["undo"])
    language = form.cleaned_data.get("language", "")
    if language:
        keep(request, response, project.LANGUAGE_COOKIE_NAME, language)
    elif "language" in form.fields:
        response.delete_cookie(project.LANGUAGE_COOKIE_NAME)
    with translation.override(languages.of(request, language)):
        messages.success(request, gettext("Saved for this browser."))
    return response


def keep(request: HttpRequest, response: HttpResponse, name: str, value: str) -> None:
    # Readable by the theme button's script; it holds nothing secret.
    response.set_cookie(name, value, max_age=YEAR_SECONDS, samesite="Lax", secure=request.is_secure())
