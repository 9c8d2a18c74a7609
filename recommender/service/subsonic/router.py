"""OpenSubsonic: the interface that music players know. Each call is one endpoint, by GET or by POST."""

import logging
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from classifier.errors import ClassifierError
from db.errors import CatalogError
from recommender.errors import RecommenderError
from recommender.service.dependencies import state_of
from recommender.service.fresh_playlists import freshened
from recommender.service.http.login_throttle import WrongLogins
from recommender.service.http.troubles import noted, trouble
from recommender.service.kept_answers import KeptAnswers
from recommender.service.subsonic import browse, listening, media, search, similar, stream, system, user_data
from recommender.service.subsonic.changes import changed
from recommender.service.subsonic.context import Content, Later, PlayerCall
from recommender.service.subsonic.envelope import (
    GENERIC,
    WRONG_KEY,
    WRONG_LOGIN,
    SubsonicError,
    answered,
    failed,
)
from recommender.service.subsonic.parameters import Asked, check_meant, check_version, read, user_of

router = APIRouter(prefix="/rest", include_in_schema=False)

LOG: Final = logging.getLogger("deepcuts.trouble")
FORMS: Final = ("xml", "json")
METHODS: Final = "GET, HEAD, POST"
PREFLIGHT: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "3600",
}
PUBLIC: Final = "getOpenSubsonicExtensions"

Endpoints = dict[str, Callable[[PlayerCall], Content | Response | Later]]

UNLOCKED: Final[dict[str, Content]] = {"ping": {}, "getLicense": {"license": {"valid": True}}}
"""What needs no look at the catalogue."""

ANSWERS: Final[Endpoints] = {
    "tokenInfo": system.token_info,
    "getUser": system.get_user,
    "getUsers": system.get_users,
    "getScanStatus": system.get_scan_status,
    "startScan": system.start_scan,
    "getLyrics": system.get_lyrics,
    "getMusicFolders": browse.get_music_folders,
    "getIndexes": browse.get_indexes,
    "getMusicDirectory": browse.get_music_directory,
    "getArtists": browse.get_artists,
    "getArtist": browse.get_artist,
    "getAlbum": browse.get_album,
    "getAlbumList": browse.get_album_list,
    "getAlbumList2": browse.get_album_list2,
    "getSong": browse.get_song,
    "getRandomSongs": browse.get_random_songs,
    "getGenres": browse.get_genres,
    "getSongsByGenre": browse.get_songs_by_genre,
    "getTopSongs": browse.get_top_songs,
    "search2": search.search2,
    "search3": search.search3,
    "getStarred": search.get_starred,
    "getStarred2": search.get_starred2,
    "getSimilarSongs": similar.get_similar_songs,
    "getSimilarSongs2": similar.get_similar_songs2,
    "getArtistInfo": similar.get_artist_info,
    "getArtistInfo2": similar.get_artist_info2,
    "getSonicSimilarTracks": similar.get_sonic_similar_tracks,
    "findSonicPath": similar.find_sonic_path,
    "getPlaylists": user_data.get_playlists,
    "getPlaylist": user_data.get_playlist,
    "getPlayQueue": listening.get_play_queue,
    "getPlayQueueByIndex": listening.get_play_queue_by_index,
    "getBookmarks": listening.get_bookmarks,
    "getNowPlaying": listening.get_now_playing,
    "getAlbumInfo": system.get_album_info,
    "getAlbumInfo2": system.get_album_info,
    "getLyricsBySongId": system.get_lyrics_of_song,
}
"""What looks at the catalogue, as it is at one moment."""

SAME: Final = frozenset(
    (
        *("getIndexes", "getMusicDirectory", "getArtists", "getArtist", "getAlbum", "getAlbumList"),
        *("getAlbumList2", "getGenres", "getSongsByGenre", "getTopSongs", "search2", "search3"),
        *("getArtistInfo", "getArtistInfo2", "findSonicPath"),
    )
)
"""What is answered the same as long as nothing has changed."""

KEPT_UP: Final = frozenset(("getPlaylists", "getPlaylist"))
"""What shows playlists, of which those that keep themselves up to date are filled first, if they are not."""

ACTIONS: Final[Endpoints] = {
    "createPlaylist": user_data.create_playlist,
    "updatePlaylist": user_data.update_playlist,
    "deletePlaylist": user_data.delete_playlist,
    "scrobble": user_data.scrobble,
    "reportPlayback": user_data.report_playback,
    "star": user_data.star_items,
    "unstar": user_data.unstar_items,
    "setRating": user_data.set_rating,
    "savePlayQueue": listening.save_play_queue,
    "savePlayQueueByIndex": listening.save_play_queue_by_index,
    "createBookmark": listening.create_bookmark,
    "deleteBookmark": listening.delete_bookmark,
}
"""What changes something."""

FILES: Final[Endpoints] = {
    "stream": stream.stream,
    "getTranscodeDecision": stream.get_transcode_decision,
    "getTranscodeStream": stream.get_transcode_stream,
    "download": stream.download,
    "getCoverArt": media.get_cover_art,
}
"""What gives out a file, and must not wait for others."""

PICTURES: Final = frozenset(("getCoverArt",))
"""Those of them that ask what is on an album, or an artist's."""

EVERY: Final = frozenset((*UNLOCKED, *ANSWERS, *ACTIONS, *FILES))


@router.api_route("/{name}", methods=METHODS.split(", "))
async def endpoint(name: str, request: Request) -> Response:
    """Answer a call; an error is an answer, too."""
    form, asked = FORMS[0], Asked()
    try:
        asked = await read(request)
        form = _form(asked)
        answer = await run_in_threadpool(_answer, name.removesuffix(".view"), asked, request, form)
        if isinstance(answer, Later):
            answer = await answer.made()
    except SubsonicError as error:
        answer = _refused(error, asked, request, form)
    except HTTPException as error:
        answer = failed(SubsonicError(GENERIC, str(error.detail)), form, error.status_code)
        answer.headers.update(error.headers or {})
    except (CatalogError, SQLAlchemyError, OSError, MemoryError, RuntimeError) as error:
        answer = _of_trouble(error, form)
    if request.app.state.settings.credentials:
        # What opens the service is in the call, not in the browser: players on other sites may use it.
        answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


def _of_trouble(error: Exception, form: str) -> Response:
    """Return what the catalogue or the system could not do, in the envelope; it is logged, too."""
    found = noted(error)
    if found is None:
        LOG.error("a fault of the service", exc_info=error)
        said = SubsonicError(GENERIC, "a fault of the service; its log says more")
        return failed(said, form, HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = failed(SubsonicError(GENERIC, found.said), form, found.status)
    answer.headers.update(found.headers)
    return answer


@router.options("/{name}")
async def preflight(request: Request) -> Response:
    """Tell a browser that a player on another site may ask, if what opens the service is in the call."""
    if not request.app.state.settings.credentials:
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": METHODS})
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=PREFLIGHT)


def _form(asked: Asked) -> str:
    form = asked.one("f") or FORMS[0]
    if form not in FORMS:
        raise SubsonicError(GENERIC, "f is xml or json; jsonp is refused, any page could read it")
    return form


def _refused(error: SubsonicError, asked: Asked, request: Request, form: str) -> Response:
    """Return an error in its envelope; where wrong logins were too many, it says when to come again."""
    if error.code not in (WRONG_LOGIN, WRONG_KEY):
        return failed(error, form)
    wrong_logins: WrongLogins = request.app.state.wrong_logins
    wait_s = wrong_logins.note(request.scope, "OpenSubsonic", asked.one("u"))
    if not wait_s:
        return failed(error, form)
    said = SubsonicError(error.code, f"too many wrong logins; try again in {wait_s} s")
    answer = failed(said, form, HTTPStatus.TOO_MANY_REQUESTS)
    answer.headers["Retry-After"] = str(wait_s)
    return answer


def _answer(name: str, asked: Asked, request: Request, form: str) -> Response | Later:
    try:
        if name == PUBLIC or name in UNLOCKED:  # with which players begin
            request.app.state.transcoder.warm()
        if name == PUBLIC:
            return answered(system.get_extensions(), form)
        check_version(asked)
        credentials = request.app.state.settings.credentials
        user = user_of(asked, credentials)
        if name in ACTIONS:
            check_meant(asked, request.headers, checked=bool(credentials))
        if name in system.NOTHING:
            return answered(system.NOTHING[name], form)
        if name in UNLOCKED:  # however much else is being worked on
            return answered(UNLOCKED[name], form)
        if name not in EVERY:
            return failed(SubsonicError(GENERIC, f"there is no {name}"), form)
        call = _act if name in ACTIONS else _look
        return call(name, asked, request, user, form)
    except (RecommenderError, CatalogError, ClassifierError) as error:
        if trouble(error) is not None:
            raise
        if isinstance(error, CatalogError):
            LOG.warning("%s", error, exc_info=error)
        return failed(SubsonicError(GENERIC, str(error)), form)


def _written(answer: Content | Response | Later, form: str) -> Response | Later:
    """Return an answer as it is sent; what it holds is read as it is written, while there is a session."""
    return answer if isinstance(answer, (Response, Later)) else answered(answer, form)


def _look(name: str, asked: Asked, request: Request, user: str, form: str) -> Response | Later:
    state, predicted = state_of(request), request.app.state.predicted_genres
    if name in FILES:
        looks = state.view if name in PICTURES else state.session
        with looks() as session:
            call = PlayerCall(request, asked, session, user, state.held, predicted)
            return _written(FILES[name](call), form)

    def made() -> Response | Later:
        if name in KEPT_UP:
            freshened(state, user_data.playlists_meant(asked))
        with state.snapshot() as session:
            call = PlayerCall(request, asked, session, user, state.held, predicted)
            answer = _written(ANSWERS[name](call), form)
        for note in call.notes:
            with suppress(CatalogError):  # what cannot be noted is given another time
                changed(state, note)
        return answer

    if name not in SAME or asked.one("type") == "random":
        return made()
    answers: KeptAnswers = request.app.state.answers
    return answers.same((name, form, user, asked.fingerprint()), made)


def _act(name: str, asked: Asked, request: Request, user: str, form: str) -> Response | Later:
    """Change something."""
    state, predicted = state_of(request), request.app.state.predicted_genres

    def act(session: Session) -> Response | Later:
        call = PlayerCall(request, asked, session, user, state.held, predicted)
        return _written(ACTIONS[name](call), form)

    return changed(state, act)
